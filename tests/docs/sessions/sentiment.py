"""examples/sentiment_analysis/README.md: the bundled sentences, and the service of the example."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.models.ml_models import model_manager
from examples.sentiment_analysis.routes import build
from tests.conftest import configuration
from tests.docs.sessions.session import Session
from tests.examples.sentiment_analysis.conftest import run_sentiment_training

TRAINING = ".venv/bin/python -m examples.sentiment_analysis.train_sentiment_model"


@contextmanager
def sentiment(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """The example, which loads what the page trains first."""
    models = folder / "models" / "sentiment"
    app = build(configuration(models))

    def train(arguments: list[str]) -> str:
        output: str = run_sentiment_training(models, *arguments).output
        with app.app_context():
            model_manager.load_model()
        return output

    same = {"/home/ada/model-service": str(folder)}
    yield Session(folder, app, programs={TRAINING: train}, same=same)
