"""A small learner trained on real and made samples, to say on held-out rows whether the made ones help."""
