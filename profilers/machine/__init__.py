"""The machine that measures: its fingerprint, its conditions, its clock and its GPU."""
