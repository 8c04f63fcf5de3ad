"""Starts a peer for one model, waits for its first prediction, and stops it."""

import http.client
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks import processes
from benchmarks.environments import Environment
from benchmarks.models import Model
from benchmarks.peers import Peer

HERE = Path(__file__).resolve().parent
START_LIMIT = 120.0
# onnxruntime reports to its maker unless this is set before its import.
SILENT = {"ORT_DISABLE_TELEMETRY": "1"}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class StartError(Exception):
    """The server did not come up; the message names its log."""


class Server:
    """A running peer, as a context manager.

    ``startup_s`` is the time from the start of the process to the first 200 for a prediction.
    """

    def __init__(self, peer: Peer, model: Model, *, cache: Path, workers: int) -> None:
        self.peer = peer
        self.model = model
        self.workers = workers
        self.environment = Environment(peer, cache)
        self.port = free_port()
        self.work = cache / "run" / f"{peer.name}-{model.name}"
        self.log = self.work.with_suffix(".log")
        self.startup_s = 0.0

    @property
    def folder(self) -> Path:
        """Working directory: a folder of the peer's own, or the project's root for the service."""
        return self.work if self.peer.requirements else HERE.parent

    def prepare(self) -> None:
        """Fill the working folder, once before the first start.

        :raises StartError: if the peer's own preparation fails.
        """
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        if self.peer.requirements:
            for source in (HERE / "peers" / self.peer.name, self.model.folder):
                shutil.copytree(source, self.work, dirs_exist_ok=True)
        if not self.peer.prepare:
            return
        with self.log.open("w") as output:
            done = subprocess.run(
                self._filled(self.peer.prepare),
                cwd=self.folder,
                env=self.variables(),
                stdout=output,
                stderr=output,
            )
        if done.returncode:
            raise StartError(f"could not be prepared, see {self.log}")

    def __enter__(self) -> Self:
        with self.log.open("w") as output:
            started = time.monotonic()
            try:
                self.process = psutil.Popen(
                    self._filled(self.peer.command),
                    cwd=self.folder,
                    env=self.variables(),
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as error:
                raise StartError(f"could not be started: {error}") from None
        try:
            self._wait_for_prediction(started + START_LIMIT)
        except BaseException:
            processes.stop(self.process)
            raise
        self.startup_s = time.monotonic() - started
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        processes.stop(self.process)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, path: str, body: bytes, *, timeout: float = 60.0) -> tuple[int, bytes]:
        """Post one body and return status and answer.

        :raises OSError: if there is no answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json", **self.peer.headers})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def worker_mb(self) -> float:
        """Private memory of one worker at this moment, in MB."""
        return processes.worker_memory(self.process, self.workers)

    def _filled(self, texts: tuple[str, ...]) -> list[str]:
        """The texts with their ``{placeholders}`` replaced."""
        values = {
            "python": self.environment.python,
            "bin": self.environment.bin,
            "port": self.port,
            "spare_port": free_port(),
            "workers": self.workers,
            "models": self.model.folder,
            "work": self.work,
        }
        return [text.format_map(values) for text in texts]

    def variables(self) -> dict[str, str]:
        """The environment of its processes."""
        names, values = self.peer.environment.keys(), tuple(self.peer.environment.values())
        path = f"{self.environment.bin}{os.pathsep}{os.environ['PATH']}"
        own = dict(zip(names, self._filled(values), strict=True))
        return os.environ | ONE_THREAD | SILENT | {"PATH": path} | own

    def _wait_for_prediction(self, deadline: float) -> None:
        path, body = self.peer.request(self.model.rows[:1].tolist())
        while time.monotonic() < deadline:
            if not self.process.is_running() or self.process.poll() is not None:
                raise StartError(f"ended at start, see {self.log}")
            try:
                if self.ask(path, body)[0] == http.HTTPStatus.OK:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.01)
        raise StartError(f"gave no prediction in {START_LIMIT:.0f} s, see {self.log}")


def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
