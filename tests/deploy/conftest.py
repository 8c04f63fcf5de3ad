"""What the ways of running the service must agree with."""

import runpy
from typing import Any

import pytest

from tests.settings import ROOT


@pytest.fixture(scope="session")
def gunicorn_settings() -> dict[str, Any]:
    """The names in ``gunicorn.conf.py``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APP_ENV", "testing")
        return runpy.run_path(str(ROOT / "gunicorn.conf.py"))
