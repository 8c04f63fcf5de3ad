"""Importing: from the files of a model that was fitted elsewhere to a version."""
