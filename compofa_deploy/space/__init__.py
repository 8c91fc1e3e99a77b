"""Architectures, subnets, supernet families, and the layers of a subnet. No weights."""
