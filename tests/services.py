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
from typing import Any, NoReturn

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
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


# Set before each test.
may_start_servers = True


def start(command: Sequence[str], **options: Any) -> subprocess.Popen:
    """Start a server in a process group of its own.

    Only tests marked ``server`` do, so that `make test-unit` is quick.
    """
    assert may_start_servers, "mark the test or its module: pytest.mark.server"
    return subprocess.Popen(command, start_new_session=True, **options)


class RedisServer:
    """A Redis of the test's own, that can be stopped, killed and started again on the same port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        # For tests of what a sound Redis does: on a busy machine it may take longer than the service waits.
        self.patient_url = f"{self.url}?socket_timeout=5&socket_connect_timeout=5"
        self.admin = Redis(port=self.port, socket_timeout=10)
        self._command = [require_command("redis-server"), "--port", str(self.port), "--save", ""]
        self._command += ["--bind", "127.0.0.1", "--dir", str(directory), "--loglevel", "warning"]
        self.process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self.process is not None and self.process.poll() is None:
            return
        self.process = start(self._command, stdout=subprocess.DEVNULL)
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
    """A running server."""

    def __init__(self, port: int, process: subprocess.Popen, output: Path) -> None:
        self.port = port
        self.process = process
        self.output = output
        self.address = f"http://127.0.0.1:{port}"

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

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.address + path, timeout=PATIENCE, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.address + path, timeout=PATIENCE, **options)

    def lines(self) -> list[bytes]:
        """What it said."""
        return self.output.read_bytes().splitlines()

    def samples(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Every series of /metrics by name and label values."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}

    def total(self, name: str) -> float:
        """The sum of a metric's series."""
        return sum(value for (sample, _), value in self.samples().items() if sample == name)

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

    def wait_until(self, condition) -> None:
        """As `wait_until`, while it runs."""

        def so() -> bool:
            assert self.process.poll() is None, self.output.read_text()
            return condition()

        wait_until(so)


def environment(**variables: object) -> dict[str, str]:
    """What a process inherits, without settings, and these."""
    inherited = {k: v for k, v in os.environ.items() if k.removesuffix("_FILE") not in settings.declared()}
    return inherited | {name: str(value) for name, value in variables.items()}


GUNICORN = (sys.executable, "-m", "gunicorn", "run:app")


@contextmanager
def gunicorn(
    directory: Path,
    *,
    prefix: Sequence[str] = (),
    command: Sequence[str] = GUNICORN,
    stdout: int | None = None,
    **variables: object,
) -> Iterator[Service]:
    """The service with these settings, four workers if nothing else is said, all of which answer.

    Its output goes to a file, unless ``stdout`` is another.

    :param prefix: a command that runs it, such as one that sets limits.
    """
    port, output = int(str(variables.get("PORT") or free_port())), directory / "gunicorn.log"
    own = {"APP_ENV": "testing", "WORKERS": 4, "PORT": port, "LOG_LEVEL": "WARNING"} | variables
    with output.open("ab") as log:
        process = start(
            [*prefix, *command],
            cwd=settings.ROOT,
            env=environment(**own),
            stdout=log if stdout is None else stdout,
            stderr=subprocess.STDOUT,
        )
    try:
        service = Service(port, process, output)
        wait_until(service.alive)
        # A limit would count these requests, and a key may be needed.
        if "RATE_LIMIT" not in own and service.get("/metrics").status_code == 200:
            service.wait_until(lambda: service.total("workers") == own["WORKERS"])
        yield service
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
