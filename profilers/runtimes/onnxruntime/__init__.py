"""ONNX Runtime: the usual build, the mobile format, and its execution providers."""
