"""What a test needs and a machine may lack."""

import os
import shutil
from typing import NoReturn

import pytest


def require_command(name: str) -> str:
    """The path of a program; without it the test is skipped, or failed where services are required."""
    return shutil.which(name) or missing(f"{name} is not installed")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it with ``REQUIRE_SERVICES=1``."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason}, and REQUIRE_SERVICES=1")
    pytest.skip(reason)
