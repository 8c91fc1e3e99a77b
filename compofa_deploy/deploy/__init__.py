"""The closed loop from a latency budget to a measured bundle."""
