"""Accuracy of every subnet: calibration, evaluation along shared prefixes, and the table of the results."""
