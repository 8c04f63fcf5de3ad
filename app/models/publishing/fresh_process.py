"""A process without the saving script, in which a version is tried before it becomes visible."""

import atexit
import json
import subprocess
import sys
from pathlib import Path
from threading import Lock, Timer
from typing import IO, Any, ClassVar

from app.exceptions import UnsupportedModel
from app.models.publishing.expected import Expected

ROOT = Path(__file__).resolve().parents[3]
# Time for a model to load and predict.
SECONDS = 600.0


class FreshProcess:
    """Runs `replay_process`, which forks for each version, so that only the first one waits for imports."""

    _shared: ClassVar["FreshProcess | None"] = None
    _starting: ClassVar[Lock] = Lock()

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.models.publishing.replay_process"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._lock = Lock()
        atexit.register(self.close)

    @classmethod
    def started(cls) -> "FreshProcess":
        """The shared instance; it imports its libraries during the preparation of the first version."""
        with cls._starting:
            if cls._shared is None or cls._shared._process.poll() is not None:
                cls._shared = cls()
            return cls._shared

    def check(self, staging: Path, version: str, expected: Expected) -> None:
        """Load a version in the fresh process, and compare its predictions with the model's here.

        :param staging: the folder that holds the version's folder, as a repository does.
        :raises UnsupportedModel: if the version does not load, or predicts otherwise; the message says what
            to do.
        """
        request = {"root": str(staging), "version": version, "expected": expected.to_dict()}
        with self._lock:
            reason = self._ask(request)
        if reason is not None:
            raise UnsupportedModel(f"the version would not serve: {reason}")

    def _ask(self, request: dict[str, Any]) -> str | None:
        timer = Timer(SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            _pipe(self._process.stdin).write(json.dumps(request).encode() + b"\n")
            _pipe(self._process.stdin).flush()
            line = _pipe(self._process.stdout).readline()
        except BrokenPipeError:
            line = b""
        finally:
            timer.cancel()
        if not line:
            return f"the process that tried it ended, or took longer than {SECONDS:.0f} s"
        reason: str | None = json.loads(line)["reason"]
        return reason

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # Popen opened a pipe
    return stream
