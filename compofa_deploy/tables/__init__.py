"""Latency tables of other formats: read into ours, and ours written for others."""
