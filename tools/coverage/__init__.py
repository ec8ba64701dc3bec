"""What a dataset covers: axes, counts, gaps in it. Start at coverage.py."""
