"""What the ways of running the service must agree with."""

import runpy
from typing import Any

import pytest

from config import LONGEST_BODY
from tests.estimators import BOXES, SumClassifier, fitted
from tests.nginx import nginx
from tests.services import gunicorn
from tests.settings import ROOT


@pytest.fixture(scope="session")
def gunicorn_settings() -> dict[str, Any]:
    """The names in ``gunicorn.conf.py``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APP_ENV", "testing")
        return runpy.run_path(str(ROOT / "gunicorn.conf.py"))


@pytest.fixture(scope="module")
def replica(serve_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("replica")
    serve_model(folder / "models", fitted(SumClassifier()), sample=BOXES)
    variables = {
        "MODELS_DIR": folder / "models",
        "WORKERS": 1,
        "TRUSTED_PROXIES": 1,
        "LOG_LEVEL": "INFO",
        "MAX_CONTENT_LENGTH": LONGEST_BODY,
    }
    with gunicorn(folder, **variables) as service:
        yield service


@pytest.fixture(scope="module")
def proxy(replica, tmp_path_factory):
    with nginx(tmp_path_factory.mktemp("proxy"), replica.port) as proxy:
        yield proxy
