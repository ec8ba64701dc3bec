"""The augmented dataset in the formats people train from. Start at export.py."""
