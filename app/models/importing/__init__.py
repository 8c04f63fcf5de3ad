"""Import of a model that was fitted elsewhere: from its files to a version."""
