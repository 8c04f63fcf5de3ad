"""Documents of one app as bytes, each built when its model version is loaded and kept as long as that.

Building takes 25 to 45 ms for 14 columns and 2 s for 5,000, which no request waits for.
"""

import hashlib
import logging
from functools import partial
from threading import Lock, Thread
from time import sleep
from typing import NamedTuple
from weakref import WeakKeyDictionary, WeakSet

import orjson
from flask import Flask

from app.models.loading.loader import LoadedVersion
from app.models.serving.overview import loaded_versions
from app.models.serving.registry import ModelRegistry
from app.models.serving.watcher import POLL_INTERVAL

log = logging.getLogger(__name__)


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
        self._tried: WeakSet[LoadedVersion] = WeakSet()

    def start(self, registry: ModelRegistry) -> None:
        """Build the document of each version that is loaded, in a thread that gives way to requests."""
        Thread(target=self._follow, args=(registry,), name="documents", daemon=True).start()

    def build_missing(self, registry: ModelRegistry) -> None:
        """Build the documents of the loaded versions that have none; a failure is logged once."""
        loaded = [
            (each.name, model) for each in registry.open_models() for model in loaded_versions(each).values()
        ]
        for name, model in loaded:
            if model in self._tried:
                continue
            self._tried.add(model)
            try:
                self.get(name, model)
            except Exception:  # a request for it fails likewise, and predictions do not need it
                log.exception("no OpenAPI document", extra={"model": name, "model_version": model.version})

    def _follow(self, registry: ModelRegistry) -> None:
        while True:
            self.build_missing(registry)
            sleep(POLL_INTERVAL)

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
