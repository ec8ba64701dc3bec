"""What generative tools run on: models that are loaded or trained once a run, and handed over with a batch."""
