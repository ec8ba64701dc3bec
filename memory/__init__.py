"""Keeps: every noun, and everything that outlives the process. Start at records.py."""
