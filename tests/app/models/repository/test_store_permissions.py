"""A store that the service's user may not read or write, or whose disk fails."""

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from app import create_app
from app.models.ml_models import model_manager
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.serving.initial_load import load_active_or_previous
from tests.assertions import assert_error
from tests.conftest import configuration, run_training
from tests.estimators import BOXES, SumClassifier, SumRegressor, fitted

NOBODY = 65534


@pytest.fixture(scope="module")
def published():
    """A store below folders that everybody may pass."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        store = ModelStore(Path(folder) / "models")
        publish(store, fitted(SumClassifier()), sample=BOXES, version="v1")
        publish(store, fitted(SumRegressor()), sample=BOXES, version="v2")
        store.activate("v2")
        store.activate("v1")
        yield store.root


@pytest.fixture
def store(published):
    root = published.with_name("copy")
    yield ModelStore(shutil.copytree(published, root))
    shutil.rmtree(root)


@contextmanager
def as_another():
    """Whoever the service runs as: root may do everything, so it is somebody else meanwhile."""
    "".encode("idna")  # a module that is imported late, from where another may not read
    own = os.geteuid()
    if own == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(own)


@contextmanager
def read_only(store):
    os.chmod(store.root, 0o555)
    try:
        with as_another():
            yield
    finally:
        os.chmod(store.root, 0o755)


@contextmanager
def failing_disk(store):
    """Neither this user nor another can open the lock."""
    lock = store.root / ".lock"
    lock.unlink()
    lock.mkdir()
    yield


def client_of(store):
    app = create_app(configuration(store.root))
    with app.app_context():
        model_manager.load_model()
    return app.test_client()


CHANGES = {
    "activate": ("POST", "/api/models/v2/activate", None),
    "rollback": ("POST", "/api/models/rollback", None),
    "remove": ("DELETE", "/api/models/v2", None),
    "route": ("POST", "/api/models/routing", {"mode": "canary", "challenger": "v2", "percent": 5}),
    "stop routing": ("POST", "/api/models/routing", {"mode": "off"}),
}
FAULTS = {"read-only": (read_only, 409, "conflict"), "failing": (failing_disk, 503, "model_error")}


@pytest.mark.parametrize(("fault", "status", "error_type"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize(("method", "path", "body"), CHANGES.values(), ids=CHANGES)
def test_change_that_the_store_does_not_take_is_told_in_a_line(
    store, method, path, body, fault, status, error_type
):
    client = client_of(store)
    with fault(store):
        answer = client.open(path, method=method, json=body)
        assert client.get("/api/models").status_code == 200
        assert client.post("/api/models/v2/verify").status_code == 200
    assert_error(answer, status, error_type)
    assert answer.get_json()["error"].startswith("The model store cannot be written: ")
    assert client.get("/api/health").get_json()["model_version"] == "v1"
    assert (store.active(), sorted(store.versions())) == ("v1", ["v1", "v2"])


COMMANDS = [
    ["activate", "v2"],
    ["rollback"],
    ["remove", "v2", "--yes"],
    ["route", "ab", "v1=50", "v2=50"],
    ["sign", "v2"],
    ["certify", "v2"],
]


TAKES_NO_LOCK = {"sign", "certify"}
FAULTY = [
    *((command, read_only) for command in COMMANDS),
    *((command, failing_disk) for command in COMMANDS if command[0] not in TAKES_NO_LOCK),
]


@pytest.mark.parametrize(("command", "fault"), FAULTY)
def test_command_that_the_store_does_not_take_ends_in_a_line(store, command, fault):
    publish(store, fitted(SumClassifier()), sample=BOXES, version="v3")
    key = {"MODEL_SIGNING_KEY": "a-key-to-sign-what-was-made"} if command[0] == "sign" else {}
    app = create_app(configuration(store.root, **key))
    for version in ("v2", "v3"):
        os.chmod(store.root / f"model_{version}", 0o555)
    with fault(store):
        result = app.test_cli_runner().invoke(args=["models", *command])
    assert result.exit_code == 1, result.output
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert "cannot be written: " in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("fault", [read_only, failing_disk])
def test_training_ends_in_a_line(store, fault):
    import_module("multiprocessing.dummy")  # by joblib's threads, where only root can read Python's own files
    with fault(store):
        result = run_training(store.root, "--dataset", "iris", "--param", "n_estimators=2")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("Error: The model store cannot be written: ")


# --- what cannot be read


@pytest.fixture
def hidden(store):
    """Let only the owner read a file, as root's umask 077 would."""

    def hidden(*names):
        for name in names:
            os.chmod(store.root / name, 0o000)

    return hidden


def test_start_with_an_unreadable_active_file_serves_the_newest_and_says_so(store, hidden, logged):
    hidden("active.json")
    app = create_app(configuration(store.root))
    with app.app_context(), as_another():
        assert load_active_or_previous(model_manager.served_model).version == "v2"
    unusable, serving = [line for line in logged() if line["level"] == "error"]
    assert unusable["event"] == "the active version is unusable"
    assert unusable["reason"] == "active.json in the model store cannot be read: Permission denied"
    assert serving["event"] == "SERVING THE NEWEST USABLE VERSION: WHICH IS ACTIVE CANNOT BE READ"


@pytest.mark.parametrize("command", [["list"], *COMMANDS[:3]], ids=lambda command: command[0])
def test_command_fails_loudly_where_the_active_file_cannot_be_read(store, hidden, command):
    hidden("active.json")
    app = create_app(configuration(store.root))
    os.chmod(store.root, 0o777)
    os.chmod(store.root / ".lock", 0o666)
    with as_another():
        result = app.test_cli_runner().invoke(args=["models", *command])
    assert result.exit_code == 1, result.output
    assert "active.json in the model store cannot be read: Permission denied" in result.stderr


def test_operator_is_told_that_the_active_file_cannot_be_read(store, hidden):
    client = client_of(store)
    hidden("active.json")
    os.chmod(store.root, 0o777)
    os.chmod(store.root / ".lock", 0o666)
    with as_another():
        for answer in (client.get("/api/models"), client.post("/api/models/v2/activate")):
            assert_error(answer, 503, "model_error")
            assert "active.json" in answer.get_json()["error"]
        assert client.get("/api/health").get_json()["model_version"] == "v1"


@pytest.mark.parametrize("name", ["model_v2", "model_v2/metadata.json", "model_v2/model.pkl"])
def test_version_that_cannot_be_read_is_shown_and_refused_with_the_reason(store, hidden, name):
    client = client_of(store)
    hidden(name)
    with as_another():
        answer = client.post("/api/models/v2/activate")
        listed = client.get("/api/models").get_json()["versions"]
    assert_error(answer, 409, "conflict")
    assert "readable" in answer.get_json()["error"] or "Permission denied" in answer.get_json()["error"]
    shown = {each["version"]: each for each in listed}
    assert shown["v2"]["state"] == "refused"
    assert shown["v1"]["state"] == "active"


def test_store_that_cannot_be_read_is_not_taken_for_an_empty_one(store, hidden):
    app = create_app(configuration(store.root))
    os.chmod(store.root, 0o000)
    try:
        with as_another():
            result = app.test_cli_runner().invoke(args=["models", "list"])
            trained = run_training(store.root, "--if-empty")
    finally:
        os.chmod(store.root, 0o755)
    assert (result.exit_code, trained.exit_code) == (1, 2)
    for output in (result.stderr, trained.stderr):
        assert "copy in the model store cannot be read: Permission denied" in output


def test_what_root_writes_under_its_umask_the_service_can_read(store):
    umask = os.umask(0o077)
    try:
        publish(store, fitted(SumClassifier()), sample=BOXES, version="v3")
        store.activate("v3")
    finally:
        os.umask(umask)
    with as_another():
        client = client_of(store)
        assert client.get("/api/health").get_json()["model_version"] == "v3"
        assert json.loads((store.root / "active.json").read_bytes())["version"] == "v3"


@pytest.mark.parametrize(
    "path",
    [
        "/api/models",
        "/api/models/v1",
        "/api/models?model=named",
        "/api/models/routing",
        "/api/models/comparison",
    ],
)
def test_operator_of_a_store_that_cannot_be_read_is_told_so(store, path):
    publish(ModelStore(store.root / "named"), fitted(SumRegressor()), sample=BOXES, version="n1")
    client = client_of(store)
    os.chmod(store.root, 0o000)
    try:
        with as_another():
            answer = client.get(path)
    finally:
        os.chmod(store.root, 0o755)
    assert_error(answer, 503, "model_error")
    assert "Permission denied" in answer.get_json()["error"]
