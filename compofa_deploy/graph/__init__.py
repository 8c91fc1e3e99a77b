"""ONNX graphs written straight from a supernet's arrays, by numpy alone."""
