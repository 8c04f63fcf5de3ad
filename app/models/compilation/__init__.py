"""Compilation: from a fitted scikit-learn estimator to the files that the engines run."""


class NotCompilable(Exception):
    """A part of the model has no compiled form; the message says which."""
