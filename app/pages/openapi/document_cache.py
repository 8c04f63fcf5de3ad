"""Documents of one app as bytes, each built on its first request and kept as long as its model version.

Building takes 25 to 45 ms for 14 columns and 2 s for 5,000, which nobody waits for who never asks for a
document.
"""

import hashlib
from functools import partial
from threading import Lock
from typing import NamedTuple
from weakref import WeakKeyDictionary

import orjson
from flask import Flask

from app.models.loading.loader import LoadedVersion


class Document(NamedTuple):
    """``etag``: of its bytes, without quotes."""

    content: bytes
    etag: str


class DocumentCache:
    """Safe to share by threads."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = Lock()
        self._of_versions: WeakKeyDictionary[LoadedVersion, Document] = WeakKeyDictionary()
        self._without: dict[str, Document] = {}

    def get(self, name: str, model: LoadedVersion | None) -> Document:
        """The document of a version of the model ``name``, or of a model without one."""
        build = partial(_built, self._app, name, model)
        with self._lock:  # so that two do not build one
            if model is None:
                return self._without.get(name) or self._without.setdefault(name, build())
            if (found := self._of_versions.get(model)) is None:
                found = self._of_versions[model] = build()
            return found


def _built(app: Flask, name: str, model: LoadedVersion | None) -> Document:
    # Not above: with apispec it takes 15 ms and 1 MB, and is needed by nobody else.
    from app.pages.openapi.specification import Specification

    content = orjson.dumps(Specification(app, name, model).document())
    return Document(content, hashlib.sha256(content).hexdigest()[:32])
