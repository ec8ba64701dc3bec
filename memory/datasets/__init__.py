"""Datasets on disk: read, split, keep, export."""
