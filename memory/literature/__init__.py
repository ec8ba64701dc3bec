"""The surveyed literature as records."""
