"""What batch norm is in a supernet, apart from its arrays."""

BN_EPS = 1e-5
"""Added to the running variance under the root; torch's default, which every supernet is trained with."""
