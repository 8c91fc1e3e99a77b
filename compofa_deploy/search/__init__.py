"""Search: exact over spaces that can be listed, local search over larger spaces."""
