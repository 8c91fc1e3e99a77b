"""Exact search: every candidate is looked at."""
