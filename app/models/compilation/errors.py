"""What keeps a model from being compiled."""


class NotCompilable(Exception):
    """A part of the model has no compiled form; the message says which."""
