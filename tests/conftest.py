"""The ladder: a store, an app on it, a client of the app, and models to put behind them."""

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import joblib
import pytest
import structlog
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from app import create_app
from app.flask_fast.application import FastFlask
from app.models.certification.boundary import HALVINGS
from app.models.certification.certificate import cost
from app.models.ml_models import model_manager
from app.models.publishing.fresh_process import FreshProcess
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from config import Config, load_config
from tests import services, settings
from tests.estimators import BOXES, INCOME, PEOPLE, SumClassifier, fitted
from tests.services import RedisServer

hypothesis_settings.register_profile("suite", deadline=None)
hypothesis_settings.load_profile("suite")

STARTED = FreshProcess.started


@pytest.fixture(autouse=True, scope="session")
def _settings_of_the_shell_are_ignored() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHON_DOTENV_DISABLED", "1")  # nor is the .env of whoever runs them, by any process
        for name in settings.declared():
            patch.delenv(name, raising=False)
            patch.delenv(f"{name}_FILE", raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _one_thread_per_process() -> Iterator[None]:
    """As in serving; on busy machines thread pools fight for the cores, and small fits take seconds."""
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True, scope="session")
def _certificates_are_made_quickly() -> Iterator[None]:
    """Which engine is faster shows in a thirtieth of the time; a hundred rows stand for a thousand that are
    asked singly; a boundary is found to a few per cent; and a model that refuses most rows is asked less
    often about single ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.models.certification.timing.BUDGET", 0.005)
        patch.setattr("app.models.certification.comparison.MAX_CALLS", 100)
        patch.setattr("app.models.certification.comparison.ROWS_PER_BATCH_SIZE", 100)
        patch.setattr("app.models.certification.boundary.HALVINGS", 8)
        yield


@pytest.fixture(autouse=True, scope="session")
def _compiled_engines_are_chosen() -> Iterator[None]:
    """So short a measurement may be wrong by a factor on a busy machine, so what is compiled
    is preferred, and for many rows the engine for batches."""

    def shorter(certificate: dict[str, Any], *sizes: Sequence[str]) -> float:
        preferred = ("kernel" in certificate) + 2 * ("numba" in certificate["libraries"])
        return cost(certificate, *sizes) / 10.0**preferred

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.models.certification.certify.cost", shorter)
        patch.setattr("app.models.certification.user_onnx.cost", shorter)
        yield


@pytest.fixture(autouse=True, scope="session")
def _versions_are_not_tried() -> Iterator[None]:
    """The process in which a version is tried takes a tenth of all computing of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FreshProcess, "started", Mock)
        yield


@pytest.fixture
def _versions_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of the tests, in a process that does not know this one."""
    monkeypatch.setattr(FreshProcess, "started", STARTED)


@pytest.fixture
def _boundary_is_found_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of the tests: what differs within a few floats of the boundary is seen."""
    monkeypatch.setattr("app.models.certification.boundary.HALVINGS", HALVINGS)


@pytest.fixture(autouse=True)
def _logging_is_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    services.may_start_servers = any(item.iter_markers("server")) or any(item.iter_markers("drill"))


def configuration(models_dir: Path, environment: str = "testing", **variables: object) -> Config:
    """The settings as a process with these environment variables would read them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELS_DIR", str(models_dir))
        if environment == "production":  # which does not start without a key, unless told so
            patch.setenv("AUTH_DISABLED", "true")
        for name, value in variables.items():
            patch.setenv(name, str(value))
        return load_config(environment)


@pytest.fixture(params=[True, False], ids=["quick", "stock"])
def both_dispatches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test by the quick dispatch and by Flask's own."""
    monkeypatch.setattr(FastFlask, "quick", request.param)


@pytest.fixture(scope="session")
def serve_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., FlaskClient]:
    """Make an app on the given store which serves a model, and return a client of it.

    Keyword arguments are settings of the app and what `publish` takes. Certifying engines takes long, so
    a model is published once and then copied into the store of every test that serves the same.
    """
    published = ModelStore(tmp_path_factory.mktemp("published"))
    versions: dict[str, str] = {}

    def serve_model(models_dir: Path, model: Any, scaler: Any = None, **options: Any) -> FlaskClient:
        saving = {name: options.pop(name) for name in ("sample", "metadata", "version") if name in options}
        key = joblib.hash((model, scaler, saving))
        if key not in versions:
            metadata = dict(saving.get("metadata") or {})
            name = saving.get("version") or f"{type(model).__name__}-{len(versions)}"
            target = ModelStore(published.root / str(len(versions)))
            publish(target, model, scaler, metadata, sample=saving.get("sample"), version=name)
            versions[key] = f"{len(versions)}/model_{name}"
        source = published.root / versions[key]
        shutil.copytree(source, models_dir / source.name, dirs_exist_ok=True)
        app = create_app(configuration(models_dir, **options))
        with app.app_context():
            model_manager.load_model(source.name.removeprefix("model_"))
        return app.test_client()

    return serve_model


@pytest.fixture(scope="session")
def boxes_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the version ``v1``, which says whether a box is large: class 1.

    It serves compiled, so that the workers of servers start without scikit-learn.
    """
    store = ModelStore(tmp_path_factory.mktemp("boxes") / "models")
    model = LogisticRegression().fit(BOXES.to_numpy(), [0, 1] * 10)
    store.activate(publish(store, model, sample=BOXES, version="v1"))
    return store.root


@pytest.fixture(scope="module")
def initial_store() -> Path | None:
    """The store of which each test of a module gets a copy; a module overrides it, here there is none."""
    return None


@pytest.fixture
def models_dir(tmp_path: Path, initial_store: Path | None) -> Path:
    folder = tmp_path / "models"
    return folder if initial_store is None else Path(shutil.copytree(initial_store, folder))


@pytest.fixture
def store(models_dir: Path) -> ModelStore:
    return ModelStore(models_dir)


@pytest.fixture
def build_app(models_dir: Path) -> Callable[..., Flask]:
    """Make an app on the test's store, with the given settings and nothing loaded."""
    return lambda environment="testing", **variables: create_app(
        configuration(models_dir, environment, **variables)
    )


@pytest.fixture
def serve(models_dir: Path, serve_model: Callable[..., FlaskClient]) -> Callable[..., FlaskClient]:
    """Serve a model out of the test's store; see `serve_model`."""

    def serve(model: Any, scaler: Any = None, **options: Any) -> FlaskClient:
        return serve_model(models_dir, model, scaler, **{"sample": BOXES} | options)

    return serve


@pytest.fixture
def client(serve: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of an app that serves `SumClassifier`."""
    return serve(fitted(SumClassifier()))


@pytest.fixture
def app(client: FlaskClient) -> Flask:
    """An app that serves `SumClassifier`."""
    return client.application


@pytest.fixture
def empty_app(build_app: Callable[..., Flask]) -> Flask:
    """An app on an empty store."""
    return build_app()


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The lines logged so far by apps that the test itself made: their log goes to its output."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(scope="session")
def people_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People by age, with some missing, and city; ``income`` is what to predict."""
    path = tmp_path_factory.mktemp("data") / "people.csv"
    PEOPLE.assign(income=INCOME).to_csv(path, index=False)
    return path


def run_training(models_dir: Path, *arguments: str) -> Any:
    """Run ``train_model.py`` in this process."""
    from train_model import main

    return CliRunner().invoke(main, arguments, env={"MODELS_DIR": str(models_dir)})


@pytest.fixture(scope="session")
def trained_dir(tmp_path_factory: pytest.TempPathFactory, people_csv: Path, worker_id: str) -> Path:
    """A store with what ``train_model.py`` makes of three data sets; ``synthetic`` is active. All processes
    of a run share it."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    with (folder / "trained.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (folder / "trained").exists():
            _train(folder / "training", people_csv)
            (folder / "training").rename(folder / "trained")
    return folder / "trained" / "models"


def _train(folder: Path, people_csv: Path) -> None:
    for version, arguments in {
        "wine": ("--dataset", "wine", "--param", "n_estimators=10"),
        "people": ("--data", str(people_csv), "--target", "income", "--estimator", "LogisticRegression"),
        "synthetic": (),
    }.items():
        result = run_training(folder / "models", "--version", version, *arguments)
        assert result.exit_code == 0, result.output


@pytest.fixture
def trained(trained_dir: Path) -> Callable[[str], FlaskClient]:
    """A client of an app which serves one of the trained versions."""

    def trained(version: str) -> FlaskClient:
        app = create_app(configuration(trained_dir))
        with app.app_context():
            model_manager.load_model(version)
        return app.test_client()

    return trained


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the project, where there is one."""
    folder = settings.ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the data sets in ../shared/data are not on this machine")
    return folder


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()


@pytest.fixture
def redis_server(redis_process: RedisServer) -> RedisServer:
    """A Redis that is empty, and running however the test before left it."""
    redis_process.thaw()
    redis_process.start()
    redis_process.admin.config_set("maxmemory", 0)
    redis_process.admin.replicaof("NO", "ONE")
    redis_process.admin.flushall()
    return redis_process
