"""Does things to data: every verb. Start at catalogue.py."""
