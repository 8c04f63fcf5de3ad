"""What a test needs and a machine may lack: programs, and services started from them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import SystemRandom
from time import monotonic, sleep
from typing import NoReturn

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests import settings

PATIENCE = 60


def require_command(name: str) -> str:
    """The path of a program; without it the test is skipped, or failed where services are required."""
    return shutil.which(name) or missing(f"{name} is not installed")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it with ``REQUIRE_SERVICES=1``."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason}, and REQUIRE_SERVICES=1")
    pytest.skip(reason)


def free_port() -> int:
    """A port that nobody uses, from below those that the system gives to clients in the meantime."""
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition, seconds=PATIENCE) -> float:
    """Ask until ``condition()`` is true; returns how long it took, fails the test after ``seconds``."""
    started = monotonic()
    while not condition():
        if monotonic() - started > seconds:
            pytest.fail(f"still not so after {seconds} s")
        sleep(0.01)
    return monotonic() - started


class RedisServer:
    """A Redis of the test's own, that can be stopped, killed and started again on the same port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.admin = Redis(port=self.port, socket_timeout=10)
        self._command = [require_command("redis-server"), "--port", str(self.port), "--save", ""]
        self._command += ["--bind", "127.0.0.1", "--dir", str(directory), "--loglevel", "warning"]
        self.process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self.process is not None and self.process.poll() is None:
            return
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until(self._answers)

    def freeze(self) -> None:
        """Stop the process: connections are accepted by the kernel, and never answered."""
        self.process.send_signal(signal.SIGSTOP)
        state = Path(f"/proc/{self.process.pid}/stat")
        wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")

    def thaw(self) -> None:
        """Let the process go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def close(self) -> None:
        """End it for good."""
        self.admin.close()
        self.kill()

    def _answers(self) -> bool:
        try:
            return bool(self.admin.ping())
        except RedisError:
            return False


class Service:
    """The service under gunicorn."""

    def __init__(self, port: int, process: subprocess.Popen, output: Path) -> None:
        self.port = port
        self.process = process
        self.output = output

    def ask(self, method="GET", path="/api/health/live", body=None, headers=None, source="127.0.0.1"):
        """One request on a connection of its own, from the address ``source``: status and headers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE, source_address=(source, 0))
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            response.read()
            return response.status, response.headers
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return sorted(map(int, children.read_text().split()))

    def alive(self) -> bool:
        """Whether it answers."""
        try:
            return self.ask()[0] == 200
        except (OSError, HTTPException):
            assert self.process.poll() is None, self.output.read_text()
            return False


@contextmanager
def gunicorn(directory: Path, *, prefix: Sequence[str] = (), **variables: object) -> Iterator[Service]:
    """The service with these settings, four workers if nothing else is said; its output goes to a file.

    :param prefix: a command that runs it, such as one that sets limits.
    """
    port, output = int(str(variables.get("PORT") or free_port())), directory / "gunicorn.log"
    inherited = {k: v for k, v in os.environ.items() if k.removesuffix("_FILE") not in settings.declared()}
    own = {"APP_ENV": "testing", "WORKERS": 4, "PORT": port, "LOG_LEVEL": "WARNING"} | variables
    with output.open("ab") as log:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "gunicorn", "run:app"],
            cwd=settings.ROOT,
            env=inherited | {name: str(value) for name, value in own.items()},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        service = Service(port, process, output)
        wait_until(service.alive)
        yield service
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
