"""Models that MLflow itself wrote, from folders and from a registry, become versions that serve.

`make mlflow` runs them: they take five minutes, mostly of MLflow's own start.
"""

import json
import signal
import subprocess
import sys

import pytest

from app import create_app
from app.models.ml_models import model_manager
from tests.conftest import configuration
from tests.mlflow.environment import log, mlflow_server
from tests.services import PATIENCE, environment, start, wait_until
from tests.settings import ROOT

pytestmark = pytest.mark.drill

FLASK = [sys.executable, "-m", "flask", "--app", "run", "models", "import"]
CHAMPION = "models:/boxes of wood@champion"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow-models")
    log("folders", folder)
    return folder


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """The settings of a server whose registry has two versions of a model; the second is a pickle."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow-server")) as server:
        settings = {"MLFLOW_TRACKING_URI": server.address}
        log("register", "boxes of wood", **settings)
        log("register", "boxes of wood", "pickle", **settings)
        log("alias", "boxes of wood", "1", **settings)
        yield settings


@pytest.fixture
def run(models_dir):
    """Run the command as operators do, in a process of its own."""

    def run(*arguments, **variables):
        own = environment(MODELS_DIR=models_dir, APP_ENV="testing", **variables)
        command = [*FLASK, *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True)

    return run


def predict(models_dir, row):
    app = create_app(configuration(models_dir))
    with app.app_context():
        model_manager.load_model()
        return model_manager.predict(row)["prediction"]


@pytest.mark.parametrize(
    ("form", "trust"),
    [
        ("skops", ()),
        ("pickle", ("--trust",)),
        ("cloudpickle", ("--trust",)),
        ("xgboost", ()),
        ("lightgbm", ()),
        ("booster", ()),
    ],
)
def test_folder_of_each_form_serves_by_the_names_of_its_signature(run, models_dir, folders, form, trust):
    result = run(folders / form, "--activate", "--json", *trust)
    assert result.returncode == 0, result.stderr
    assert predict(models_dir, {"depth": 10, "width": 10, "height": 10}) == 1
    assert json.loads(result.stdout)["engine"] == "onnx"


def test_folder_of_a_model_of_arrays_serves(run, models_dir, folders):
    assert run(folders / "arrays", "--activate").returncode == 0
    assert predict(models_dir, [10, 10, 10]) == 1


def test_pickle_needs_trust_and_a_model_without_example_needs_a_sample(run, folders):
    refused = run(folders / "pickle")
    assert (refused.returncode, "repeat the command with --trust" in refused.stderr) == (1, True)
    bare = run(folders / "bare")
    assert (bare.returncode, "the model has no input example" in bare.stderr) == (2, True)


@pytest.mark.parametrize(
    ("uri", "number"),
    [(CHAMPION, "1"), ("models:/boxes of wood", "2")],
)
def test_registered_version_is_imported_with_its_ids(run, store, registry, uri, number):
    result = run(uri, "--version", "v1", "--trust", **registry)
    assert result.returncode == 0, result.stderr
    about = store.metadata("v1")["mlflow"]
    assert (about["registered_model"], about["registered_version"]) == ("boxes of wood", number)
    assert about["model_id"] in about["source"]
    assert about["run_id"]


def test_registered_pickle_needs_trust(run, store, registry):
    result = run("models:/boxes of wood/2", **registry)
    assert (result.returncode, "repeat the command with --trust" in result.stderr) == (1, True)
    assert store.versions() == []


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("models:/boxes of wood@nobody", "Registered model alias nobody not found."),
        ("models:/boxes of wood/9", "Model Version (name=boxes of wood, version=9) not found"),
        ("models:/bags", "Registered Model with name=bags not found"),
    ],
)
def test_version_that_the_registry_lacks_is_said_in_one_line(run, registry, uri, reason):
    result = run(uri, **registry)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert reason in result.stderr


def test_alias_is_followed_until_a_signal(models_dir, store, registry, tmp_path):
    own = environment(MODELS_DIR=models_dir, APP_ENV="testing", **registry)
    output = tmp_path / "follow.log"
    with output.open("wb") as file:
        command = [*FLASK, CHAMPION, "--follow", "--interval", "1"]
        process = start(command, cwd=ROOT, env=own, stdout=file, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: store.active() is not None)
        first = store.active()
        log("alias", "boxes of wood", "2", **registry)  # a pickle, which is not trusted
        wait_until(lambda: b"a registered version is refused" in output.read_bytes())
        assert store.active() == first
        log("register", "boxes of wood", **registry)
        log("alias", "boxes of wood", "3", **registry)
        wait_until(lambda: store.active() != first)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, output.read_text()
    finally:
        process.kill()
        process.wait(PATIENCE)
    assert len(store.versions()) == 2
    assert b"Traceback" not in output.read_bytes()
