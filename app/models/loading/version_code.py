"""Modules of the user's own that travel with a version, importable where its pickle is read."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import PurePath
from platform import python_version_tuple
from threading import RLock
from typing import Any

from app.models.repository.version_files import Metadata

# In the metadata of a version: the names of its modules' files.
CODE = "code"
# In the metadata of a version whose pickle holds compiled code: the Python that compiled it.
PICKLED_BY_VALUE = "pickled_by_value"
PYTHON = ".".join(python_version_tuple()[:2])
UNKNOWN_NAME = re.compile(r"Can't get attribute '([^']+)' on <module '([^']+)'")
LOCK = RLock()


@contextmanager
def importable(files: Mapping[str, bytes]) -> Iterator[None]:
    """Make modules importable in a block, by the names of their files, each made anew.

    They stay imported: what a model imports later finds them. Classes of another version's module of the same
    name keep their own.
    """
    if not files:
        yield
        return
    finder = _Finder({PurePath(name).stem: content.decode() for name, content in files.items()})
    with LOCK:
        for name in finder.sources:
            sys.modules.pop(name, None)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)


class _Finder(MetaPathFinder, InspectLoader):
    """Finds and makes modules from their sources."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname in self.sources else None

    def get_source(self, fullname: str) -> str:
        return self.sources[fullname]

    def is_package(self, fullname: str) -> bool:
        return False


def code_of(metadata: Metadata, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The modules of a version, by the names of their files."""
    return {name: files[name] for name in metadata.get(CODE, ())}


def reason_against_pickle(metadata: Metadata) -> str | None:
    """Why the pickle of a version must not be read here: compiled code is that of one Python."""
    if (python := metadata.get(PICKLED_BY_VALUE, PYTHON)) == PYTHON:
        return None
    return f"it holds code that Python {python} compiled, this is {PYTHON}"


def remedy(cause: BaseException | None, *, main: str = "__main__", bring: str, by_value: str) -> str | None:
    """A sentence on a name that unpickling did not find, and what to do about it; else None.

    :param main: another name of the main module, which stands for that of the saving script.
    :param bring: how to bring a module along.
    :param by_value: how to pickle without names.
    """
    if isinstance(cause, ModuleNotFoundError):
        return f"it needs the module {cause.name!r}, which the service cannot import: install it, or {bring}"
    if isinstance(cause, AttributeError) and (found := UNKNOWN_NAME.search(str(cause))):
        name, module = found.groups()
        own = module in ("__main__", main)
        where = "the script that saved it" if own else f"{module}, as it is seen from here"
        advice = f"define it in a module that the service can import, or {by_value}"
        return f"{name} is not to be found outside of {where}: {advice}"
    return None


def describe(code: Mapping[str, bytes], *, by_value: bool) -> dict[str, Any]:
    """What the metadata of a version says about code in it."""
    found: dict[str, Any] = {CODE: sorted(code)} if code else {}
    return found | ({PICKLED_BY_VALUE: PYTHON} if by_value else {})
