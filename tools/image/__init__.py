"""Image augmentations, one a file."""
