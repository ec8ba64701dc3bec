"""Language models: asked through an endpoint or on this machine, accounted for, recorded. Start at asker.py."""
