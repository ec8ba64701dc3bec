"""Traps that fool a learner trained on made samples: cue words, channels tied to labels, tools that repeat."""
