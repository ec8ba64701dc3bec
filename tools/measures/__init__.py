"""One measure a file: a value for every sample."""
