"""Speech augmentations, one a file."""
