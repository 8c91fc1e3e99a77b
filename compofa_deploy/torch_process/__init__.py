"""The PyTorch process: its device, its ranks and its memory allocator."""
