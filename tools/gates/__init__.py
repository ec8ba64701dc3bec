"""One gate a file: a verdict for every made sample."""
