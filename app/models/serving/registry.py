"""Model registry: the default model of an app, and one per folder ``<name>/`` of its store."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from app.exceptions import ModelNotFound, ServiceError, StoreUnreadable
from app.models.repository import atomic_files
from app.models.repository.store import ModelStore
from app.models.repository.version_files import PREFIX, version_names
from app.models.repository.version_names import is_version
from app.models.serving.served_model import DEFAULT, ServedModel

log = logging.getLogger(__name__)


class ModelRegistry:
    """The models of one app by name, `DEFAULT` among them; safe to share by threads.

    Each has its own store, versions and worker status file, so that a fault of one model stays with it. All
    share the cache, whose keys name the artifact.

    :param make: makes a served model of its name and store.
    """

    def __init__(self, root: Path, make: Callable[[str, ModelStore], ServedModel]) -> None:
        self._root = root
        self._make = make
        self._lock = Lock()
        self.default = make(DEFAULT, ModelStore(root))
        self._models = {DEFAULT: self.default}

    def __getitem__(self, name: str) -> ServedModel:
        """A model, made on first use without loading anything.

        :raises ModelNotFound: if there is no such model.
        :raises StoreUnreadable: if its folder is a symbolic link, which could point anywhere.
        """
        if (served_model := self._models.get(name)) is not None:
            return served_model
        if not self._is_model(name):
            raise ModelNotFound(name)
        if self.is_link(name):
            raise StoreUnreadable(name, "it is a symbolic link")
        return self.open(name)

    def open(self, name: str) -> ServedModel:
        """A model that may have no version yet.

        :raises ModelNotFound: if no model can have that name.
        """
        if name != DEFAULT and not is_name(name):
            raise ModelNotFound(name)
        with self._lock:
            if name not in self._models:
                self._models[name] = self._make(name, ModelStore(self._root / name))
            return self._models[name]

    def forget(self, name: str) -> None:
        """Give up a model whose folder is gone."""
        with self._lock:
            self._models.pop(name, None)

    def open_models(self) -> list[ServedModel]:
        """The models that were asked for or loaded, the default one first."""
        with self._lock:
            return list(self._models.values())

    def names(self) -> list[str]:
        """Models beside the default one: folders, or links to folders, with a complete version.

        :raises StoreUnreadable: if that cannot be told.
        """
        try:
            return sorted(path.name for path in self._root.iterdir() if self._is_model(path.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreUnreadable(self._root.name, atomic_files.reason_of(error)) from None

    def is_link(self, name: str) -> bool:
        """Whether a model's folder is a symbolic link, which is read by no one."""
        return os.path.islink(self._root / name)  # False without permission, which loading will say

    def load_all(self) -> None:
        """Load the active version of each model beside the default one; what fails is logged."""
        try:
            names = self.names()
        except StoreUnreadable as error:
            log.error("no models beside the default one", extra={"reason": error.message})
            return
        for name in names:
            load_logged(self, name)

    def _is_model(self, name: str) -> bool:
        folder = self._root / name
        try:
            if not is_name(name) or not folder.is_dir():
                return False
            return bool(version_names(folder))
        except (StoreUnreadable, PermissionError):  # which is to be said where it is loaded
            return True


def is_name(name: str) -> bool:
    """Whether a model beside the default one may have this name."""
    return is_version(name) and name != DEFAULT and not name.startswith((".", PREFIX))


def load_logged(registry: ModelRegistry, name: str) -> None:
    """Load a model's active version; a failure is its own, and others go on."""
    try:
        registry[name].load()
    except ServiceError as error:
        log.error("model not loaded", extra={"model": name, "reason": error.message})
