"""A store with what training makes of the bundled sentences, and a client of the service on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from app.models.ml_models import model_manager
from examples.sentiment_analysis.routes import build
from tests.conftest import configuration


def run_sentiment_training(models_dir: Path, *arguments: str) -> Any:
    """Run ``train_sentiment_model.py`` in this process."""
    from examples.sentiment_analysis.train_sentiment_model import main

    return CliRunner().invoke(main, arguments, env={"MODELS_DIR": str(models_dir)})


@pytest.fixture(scope="session")
def sentiment_training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with one version, ``bundled``, and what its training printed."""
    root = tmp_path_factory.mktemp("sentiment") / "models"
    result = run_sentiment_training(root, "--version", "bundled")
    assert result.exit_code == 0, result.output
    return root, result.output


@pytest.fixture(scope="session")
def sentiment_dir(sentiment_training: tuple[Path, str]) -> Path:
    """That store."""
    return sentiment_training[0]


@pytest.fixture
def build_sentiment(sentiment_dir: Path) -> Callable[..., Flask]:
    """Make the sentiment service with the given settings."""

    def build_sentiment(**variables: object) -> Flask:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, str(value))
            app = build(configuration(sentiment_dir))
        with app.app_context():
            model_manager.load_model()
        return app

    return build_sentiment


@pytest.fixture
def sentiment(build_sentiment: Callable[..., Flask]) -> FlaskClient:
    """A client of the service with default settings."""
    return build_sentiment().test_client()


@pytest.fixture(scope="session")
def reference(sentiment_dir: Path) -> Any:
    """The pipeline that was trained, as scikit-learn has it."""
    return joblib.load(sentiment_dir / "model_bundled" / "model.pkl")
