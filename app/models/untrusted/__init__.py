"""Untrusted model files: the checks that a model must pass before any use."""

from app.exceptions import UnsupportedModel


class ImportRefused(UnsupportedModel):
    """A file cannot be imported; the message says what to do."""


class Unsound(Exception):
    """A file or a part of its model is not as scikit-learn and skops write it; the message names the part."""
