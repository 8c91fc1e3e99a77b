"""Latency in CI: measured with its environment, kept, compared, and answered for."""
