"""Figures and pages to look at."""
