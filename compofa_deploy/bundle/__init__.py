"""Bundles: what is deployed, verified and run."""
