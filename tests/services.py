"""What a test needs and a machine may lack."""

import os
import shutil
import signal
import socket
import subprocess
from typing import NoReturn

import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry


def require_command(name: str) -> str:
    """The path of a program; without it the test is skipped, or failed where services are required."""
    return shutil.which(name) or missing(f"{name} is not installed")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it with ``REQUIRE_SERVICES=1``."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason}, and REQUIRE_SERVICES=1")
    pytest.skip(reason)


class RedisServer:
    """A Redis of the test's own, on a free port and with nothing on disk."""

    def __init__(self) -> None:
        program = require_command("redis-server")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        self.admin = Redis.from_url(self.url, retry=Retry(ConstantBackoff(0.02), 250))
        self.admin.ping()

    def freeze(self) -> None:
        """Keep the port open and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it, frozen or not."""
        self.admin.close()
        self.process.kill()
        self.process.wait()
