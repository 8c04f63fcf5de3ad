"""Files of strangers: what is checked before a model in one is used, and the process that does it."""

from app.exceptions import UnsupportedModel


class ImportRefused(UnsupportedModel):
    """A file is not what can be imported; the message says what to do."""


class Unsound(Exception):
    """A file or a part of its model is not as scikit-learn and skops make it; the message names the part."""
