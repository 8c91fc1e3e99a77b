"""Whatever claims a speed: each file prints a table by one command, ``python -m benchmarks.<name>``."""
