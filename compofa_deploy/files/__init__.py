"""Readers of formats that others write: CSV and images."""
