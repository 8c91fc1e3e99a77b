"""Accuracies that were not evaluated here: tables of one's own, and predictors from a subnet's shape."""
