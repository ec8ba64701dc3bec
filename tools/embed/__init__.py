"""Encoders: from texts to vectors whose inner product says how alike they are."""
