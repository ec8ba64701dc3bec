"""Near-duplicates: one definition of similarity a modality, and exact search. Start at seen.py."""
