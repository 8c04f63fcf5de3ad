"""Worker status: the version that a worker serves, in one small file for each living process.

A worker holds the lock of its file, by which a reader tells files of the living from those left over.
"""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.models.repository import atomic_files, process_files

FOLDER = ".workers"


class WorkerStatusFile:
    """The workers that serve out of one store, over processes and containers on one machine.

    The folder's lock is held while a file is created, written, or tested for its own lock.
    ``notes`` is what this worker reports to the others beside its version.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._file: int | None = None
        self._joined = False
        self.notes: dict[str, Any] = {"routing": None}

    def join(self) -> None:
        """Register this process as a serving worker; scripts must not."""
        self._joined = True

    def leave(self) -> None:
        """Unregister this process; who reads the reports next removes its own."""
        self._joined = False
        self._close()

    def report(self, version: str | None, *, refused: dict[str, str] | None = None) -> None:
        """Write what this process serves, and which versions it rejected and why.

        Nothing is reported in a store that cannot be written to: nobody can wait for this worker then.
        """
        if not self._joined:
            return
        try:
            with atomic_files.locked(self._folder):
                self._write({"version": version, "refused": refused or {}, **self.notes})
        except OSError:
            self._close()

    def __del__(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):  # what was not written is lost already
                os.close(file)

    def _write(self, report: dict[str, Any]) -> None:
        if self._file is not None and not os.fstat(self._file).st_nlink:
            self._close()  # somebody tidied up
        if self._file is None:
            name = f"{os.getpid()}-{secrets.token_hex(4)}.json"
            self._file = process_files.claim(self._folder / name, mode=0o666)
            assert self._file is not None  # nobody else has this name
        os.ftruncate(self._file, os.pwrite(self._file, json.dumps(report).encode(), 0))

    def living(self) -> list[dict[str, Any]]:
        """The report of each living worker; files of the dead are removed."""
        with suppress(OSError):  # the store is mounted read-only
            if self._folder.is_dir():
                with atomic_files.locked(self._folder):
                    return self._read()
        return []

    def _read(self) -> list[dict[str, Any]]:
        reports = []
        for path in sorted(self._folder.glob("*.json")):
            with suppress(OSError, ValueError):  # a write failed half-way, or somebody tidied up
                if process_files.is_held(path):
                    reports.append(json.loads(path.read_bytes()))
                else:
                    path.unlink(missing_ok=True)
        return reports
