"""The files of a model in MLflow's format, one by one: in a folder or in a zip."""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from stat import S_ISLNK
from typing import Protocol
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import error as DeflateError  # noqa: N812 # zlib's only error has no capital

from app.models.importing.mlflow.mlmodel import MLMODEL
from app.models.untrusted import ImportRefused
from app.models.untrusted.archive import METHODS

# Bytes of one file; a .skops file unpacks to half as many.
MAX_FILE = 2 * 1024**3
DAMAGED = (BadZipFile, DeflateError, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


class ModelFiles(Protocol):
    """Where the files of a model are; ``origin`` goes into the metadata of its version."""

    @property
    def origin(self) -> Mapping[str, str]: ...

    def fetch(self, name: str, *, limit: int = MAX_FILE) -> Path:
        """A file by its path within the model, as a file of this machine.

        :raises ImportRefused: if there is none, it has more than ``limit`` bytes, or lies elsewhere.
        """
        ...


def checked_path(name: str) -> PurePosixPath:
    """A path within the model.

    :raises ImportRefused: for one that leads out of it.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or not name.isprintable():
        raise ImportRefused(f"{MLMODEL} names {name[:80]!r}, which is no path within the model")
    return path


class FolderFiles:
    """The files of a folder."""

    def __init__(self, root: Path) -> None:
        self.origin = {"source": str(root)}
        self._root = root.resolve()

    def fetch(self, name: str, *, limit: int = MAX_FILE) -> Path:
        """See `ModelFiles.fetch`; the file stays where it is."""
        path = (self._root / checked_path(name)).resolve()
        if not path.is_relative_to(self._root):
            raise ImportRefused(f"{name} is a link that leads out of the folder")
        if not path.is_file():
            raise ImportRefused(f"{self._root.name} has no file {name}")
        check_size(name, path.stat().st_size, limit)
        return path


class ZipFiles:
    """The files of a zip, at its top or in the folder that holds ``MLmodel``."""

    def __init__(self, path: Path, folder: Path) -> None:
        """:param folder: where the files go that are asked for; no other member is unpacked."""
        self.origin = {"source": str(path)}
        self._path, self._folder = path, folder

    def fetch(self, name: str, *, limit: int = MAX_FILE) -> Path:
        """See `ModelFiles.fetch`."""
        target = self._folder / checked_path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with ZipFile(self._path) as archive:
                member = self._member(archive, name)
                check_size(name, member.file_size, limit)
                # zipfile yields no more than the size that was checked.
                with archive.open(member) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
        except DAMAGED as error:
            raise ImportRefused(
                f"{self._path.name} cannot be read: {type(error).__name__}: {error}"
            ) from None
        return target

    def _member(self, archive: ZipFile, name: str) -> ZipInfo:
        members = {member.filename: member for member in archive.infolist()}
        tops = [each for each in members if PurePosixPath(each).name == MLMODEL and each.count("/") <= 1]
        if not tops:
            raise ImportRefused(f"{self._path.name} has no {MLMODEL}, at its top or in its only folder")
        member = members.get(min(tops, key=len).removesuffix(MLMODEL) + name)
        if member is None:
            raise ImportRefused(f"{self._path.name} has no file {name}")
        if S_ISLNK(member.external_attr >> 16):
            raise ImportRefused(f"{name} is a link")
        if member.compress_type not in METHODS:
            raise ImportRefused(f"{name} is compressed by another method than deflate")
        return member


def check_size(name: str, size: int, limit: int) -> None:
    """:raises ImportRefused: for a file of more than ``limit`` bytes."""
    if size > limit:
        raise ImportRefused(f"{name} has {size:,} bytes, {limit:,} are allowed")
