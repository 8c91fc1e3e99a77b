"""Measuring a kit of models: plans, sessions, worker processes and journals."""
