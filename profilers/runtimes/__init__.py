"""Runtimes, which execute a graph: one contract, and a folder for each runtime."""
