"""Bundles: folders that are deployed, verified and run."""
