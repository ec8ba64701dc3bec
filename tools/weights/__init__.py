"""Pretrained weights: which are known (`table`), where they are (`hub`), and reading them (`pinned`, `loading`)."""
