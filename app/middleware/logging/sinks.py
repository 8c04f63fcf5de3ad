"""Sinks of log lines: each line is a single write, and no error reaches the code that logs."""

import os
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Protocol, TextIO

RECHECK = 1.0  # seconds between checks whether the log file was rotated


class Sink(Protocol):
    """Takes whole lines."""

    def write(self, line: bytes) -> None:
        """Write a line, which ends in a line feed, or drop it."""


class DescriptorSink:
    """An open file descriptor. Lines of several processes do not mix in a file opened for appending, nor
    in a pipe up to 4,096 bytes.

    A line that a full disk cuts off stays cut; the next begins on a line of its own.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._torn = False

    def write(self, line: bytes) -> None:
        with suppress(OSError):
            if self._torn:
                line = b"\n" + line
            written = os.write(self._descriptor, line)
            self._torn = written < len(line)


class StreamSink:
    """A stream without a descriptor, such as one that captures output."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line.decode())
            self._stream.flush()


class FileSink:
    """A file that log rotation may rename or remove at any time; within a second it is opened anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = self._open()
        self._sink = DescriptorSink(self._descriptor)
        self._checked = monotonic()

    def write(self, line: bytes) -> None:
        if monotonic() - self._checked >= RECHECK:
            self._checked = monotonic()
            with suppress(OSError):
                self._follow()
        self._sink.write(line)

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _follow(self) -> None:
        """Put the new file under the old number, so that a thread that is writing cannot hit a closed one."""
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self._path), os.fstat(self._descriptor)):
                return
        fresh = self._open()
        os.dup2(fresh, self._descriptor, inheritable=False)
        os.close(fresh)


class TeeSink:
    """Several sinks, each of which gets every line."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def write(self, line: bytes) -> None:
        for sink in self._sinks:
            sink.write(line)


def stream_sink(stream: TextIO | None) -> Sink:
    """The sink of stdout or stderr as it is now; writes nothing if the stream was closed at the start."""
    if stream is None:
        return TeeSink()
    try:
        return DescriptorSink(stream.fileno())
    except (OSError, ValueError):  # closed, or captured by a test
        return StreamSink(stream)
