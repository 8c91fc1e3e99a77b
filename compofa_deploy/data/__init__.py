"""Labelled images: image folders, Parquet files, and splits of them."""
