"""A process without the saving script, in which a version is tried before it becomes visible."""

import atexit
import json
import sys
from dataclasses import asdict
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Lock, Timer
from typing import ClassVar

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
        command = [sys.executable, "-m", "app.models.publishing.replay_process"]
        self._process = Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
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
        request = {"root": str(staging), "version": version, "expected": asdict(expected)}
        with self._lock:
            reply = self._ask(json.dumps(request).encode())
        ended = f"the process that tried it ended, or took longer than {SECONDS:.0f} s"
        reason = json.loads(reply)["reason"] if reply else ended
        if reason is not None:
            raise UnsupportedModel(f"the version would not serve: {reason}")

    def _ask(self, request: bytes) -> bytes:
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None  # Popen opened both pipes
        assert replies is not None
        timer = Timer(SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            requests.write(request + b"\n")
            requests.flush()
            return replies.readline()
        except BrokenPipeError:
            return b""
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
