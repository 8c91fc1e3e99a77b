"""ONNX graphs, written from a supernet's arrays with numpy alone."""
