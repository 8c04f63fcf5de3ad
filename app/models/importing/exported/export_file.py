"""Bounded reading of an ``.export`` file: one JSON document, and arrays without pickle."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from app.models.untrusted import ImportRefused, Unsound
from app.models.untrusted.archive import MAX_SCHEMA, unpacked

EXPORT = ".export"
DOCUMENT = "export.json"
FORMAT = 1


class ExportFile:
    """The document of an export, and its arrays by number."""

    def __init__(self, content: bytes) -> None:
        """:raises Unsound: for a file that is too large, damaged, or of another format."""
        self._archive = ZipFile(unpacked(io.BytesIO(content)))
        if self._archive.getinfo(DOCUMENT).file_size > MAX_SCHEMA:
            raise Unsound(f"its {DOCUMENT} has more than {MAX_SCHEMA:,} bytes")
        document = json.loads(self._archive.read(DOCUMENT))
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise Unsound(f"it is no export of format {FORMAT}: write it with this release's export_model.py")
        self.document: dict[str, Any] = document

    def array(self, number: Any, *, kinds: str = "biufUSV", ndim: int | None = None) -> NDArray[Any]:
        """An array by its number.

        :param kinds: the kinds of dtype that it may have.
        :raises Unsound: if there is no such array, or it is another one than wanted.
        """
        if type(number) is not int:
            raise Unsound("it refers to an array without a number")
        content = io.BytesIO(self._archive.read(f"arrays/{number}.npy"))
        found: NDArray[Any] = np.lib.format.read_array(content, allow_pickle=False)
        if found.dtype.kind not in kinds or (ndim is not None and found.ndim != ndim):
            raise Unsound(f"its array {number} has an unexpected form")
        return found


@contextmanager
def as_refusal(name: str) -> Iterator[None]:
    """Turn whatever a hostile export makes its reader raise into one sentence.

    :param name: of the file.
    :raises ImportRefused: in place of any other error of reading.
    """
    try:
        yield
    except (ImportRefused, MemoryError):
        raise
    except Unsound as error:
        raise ImportRefused(f"{name} cannot be imported: {error}") from None
    except RecursionError:
        raise ImportRefused(f"{name} cannot be imported: it is nested too deeply") from None
    except Exception as error:
        raise ImportRefused(f"{name} cannot be read: {type(error).__name__}: {error}") from error
