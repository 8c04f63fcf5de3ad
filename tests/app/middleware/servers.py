"""gunicorn with several workers, its output in a file."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection, socket
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests import settings

PATIENCE = 60
ROW = {"features": [1, 2, 3]}


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.address + path, timeout=PATIENCE, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.address + path, timeout=PATIENCE, **options)

    def lines(self) -> list[bytes]:
        return self.output.read_bytes().splitlines()

    def samples(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Every series of /metrics by name and label values."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}

    def total(self, name: str) -> float:
        return sum(value for (sample, _), value in self.samples().items() if sample == name)

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def wait_until(self, true: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**variables: object) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if k.removesuffix("_FILE") not in settings.declared()}
    return inherited | {"APP_ENV": "testing"} | {name: str(value) for name, value in variables.items()}


@contextmanager
def gunicorn(output: Path, *, workers: int = 4, stdout: Any = None, **variables: object) -> Iterator[Server]:
    """gunicorn with ``workers`` workers that answer; ended with all of them."""
    port = free_port()
    with output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "run:app"],
            cwd=settings.ROOT,
            env=environment(PORT=port, WORKERS=workers, **variables),
            stdout=file if stdout is None else stdout,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, port, output)
    try:
        server.wait_until(lambda: _listens(port))
        server.wait_until(lambda: server.total("workers") == workers)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _listens(port: int) -> bool:
    try:
        create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
