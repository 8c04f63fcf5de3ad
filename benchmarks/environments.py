"""Virtual environments of the peers, made on first use."""

import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.peers import Peer

RECORD = "installed.txt"


class InstallationError(Exception):
    """The pinned packages could not be installed; the message names the log."""


@dataclass(frozen=True)
class Environment:
    """Virtual environment ``<cache>/venvs/<name>`` of a peer, or this one if the peer pins nothing."""

    peer: Peer
    cache: Path

    @property
    def folder(self) -> Path:
        return self.cache / "venvs" / self.peer.name if self.peer.requirements else Path(sys.prefix)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        return self.bin / "python" if self.peer.requirements else Path(sys.executable)

    @property
    def ready(self) -> bool:
        """Whether exactly the pins of the table are installed."""
        record = self.folder / RECORD
        return not self.peer.requirements or (record.exists() and record.read_text() == self._pins)

    @property
    def _pins(self) -> str:
        return "".join(f"{pin}\n" for pin in self.peer.requirements)

    def make(self) -> None:
        """Create the environment unless it is ready, in up to two minutes.

        :raises InstallationError: if pip cannot install the pins.
        """
        if self.ready:
            return
        log = self.folder.with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        pip = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check"]
        create = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        with log.open("w") as output:
            for command in (create, [*pip, *self.peer.requirements]):
                if subprocess.run(command, stdout=output, stderr=output).returncode:
                    raise InstallationError(f"environment could not be made, see {log}")
        (self.folder / RECORD).write_text(self._pins)

    def versions(self) -> dict[str, str]:
        """Installed distributions with their versions."""
        paths = [str(path) for path in self.folder.glob("lib/python*/site-packages")]
        found = {found.name.lower(): found.version for found in distributions(path=paths)}
        return dict(sorted(found.items()))
