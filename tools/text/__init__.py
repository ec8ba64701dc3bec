"""Text augmentations, one a file."""
