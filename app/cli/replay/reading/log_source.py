"""The lines of a log: of a file, of standard input, or fetched from a URL; gzip shows in the first bytes."""

import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from gzip import GzipFile
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from urllib.request import urlopen

import click

GZIP = b"\x1f\x8b"
URLS = ("http://", "https://")
TIMEOUT = 60  # s without a byte
UNREADABLE = (OSError, EOFError, HTTPException, zlib.error)


class LogSource:
    """An open log.

    :param name: for errors.
    :param stream: of bytes, buffered.
    :param size: in bytes, if it is known.
    """

    def __init__(self, name: str, stream: Any, size: int | None) -> None:
        self._name = name
        self._stream = stream
        self._size = size

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Lines that are not blank, with their numbers from 1.

        :raises ClickException: if the log cannot be read to its end.
        """
        try:
            zipped = self._stream.peek(len(GZIP))[: len(GZIP)] == GZIP
            for number, line in enumerate(GzipFile(fileobj=self._stream) if zipped else self._stream, 1):
                if line.strip():
                    yield number, line
        except UNREADABLE as error:
            raise _unreadable(self._name, error) from None

    @property
    def share(self) -> float | None:
        """How much has been read, 0 to 1, or None if nobody knows."""
        if not self._size:
            return None
        left = getattr(self._stream, "length", None)  # of an HTTP response
        read = self._stream.tell() if left is None else self._size - left
        return float(read / self._size)


@contextmanager
def open_log(source: str) -> Iterator[LogSource]:
    """Open a file, ``-`` for standard input, or a URL.

    :raises ClickException: if it cannot be opened.
    """
    try:
        opened = _open(source)
    except UNREADABLE as error:
        raise _unreadable(source, error) from None
    with opened as stream:
        yield LogSource(source, stream, _size(source, stream))


def _open(source: str) -> AbstractContextManager[Any]:
    if source == "-":
        return nullcontext(sys.stdin.buffer)
    if source.startswith(URLS):
        return cast(AbstractContextManager[Any], urlopen(source, timeout=TIMEOUT))
    return Path(source).open("rb")


def _size(source: str, stream: Any) -> int | None:
    """Bytes of the log, if anybody knows."""
    if source == "-":
        return None
    length: int | None = stream.length if source.startswith(URLS) else Path(source).stat().st_size
    return length


def _unreadable(name: str, error: Exception) -> click.ClickException:
    return click.ClickException(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}")
