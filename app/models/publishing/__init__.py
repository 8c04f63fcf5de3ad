"""From a fitted model to a version that was seen to serve what the model answers."""
