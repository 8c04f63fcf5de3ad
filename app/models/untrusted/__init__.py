"""Files of strangers: what is checked before a model in one is used, and the process that does it."""
