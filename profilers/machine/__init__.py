"""The machine that measures: its identity, its clock, its GPU."""
