"""Decides. Start at graph.py."""
