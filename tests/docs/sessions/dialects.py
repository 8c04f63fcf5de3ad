"""docs/dialects.md: an app for each section, which serves its protocol."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from app import create_app
from app.models.ml_models import model_manager
from tests.conftest import configuration
from tests.docs.sessions.session import Session
from tests.estimators import SumClassifier, SumRegressor, fitted


def people_by(dialect: str) -> Callable[..., AbstractContextManager[Session]]:
    """A session with the model of people, which serves one dialect alone."""

    @contextmanager
    def session(request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
        options = {"DIALECTS": dialect, "AIP_PREDICT_ROUTE": "/predict"}
        app = create_app(configuration(request.getfixturevalue("trained_dir"), **options))
        with app.app_context():
            model_manager.load_model("people")
        yield Session(folder, app)

    return session


@contextmanager
def sums(request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """A regressor that answers with the sum of a box's sides."""
    client = request.getfixturevalue("serve")(fitted(SumRegressor()), WORKERS=2)
    yield Session(folder, client.application)


@contextmanager
def boxes(request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """A classifier whose version is called ``v1``."""
    client = request.getfixturevalue("serve")(fitted(SumClassifier()), version="v1")
    yield Session(folder, client.application)
