"""``flask models``, as a process where stdout counts, else in this one."""

import json
import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sklearn.linear_model import LogisticRegression

from app import create_app
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests import settings
from tests.app.models.loading.test_signing import private_pem, public_pem
from tests.conftest import configuration
from tests.estimators import BOXES, SumRegressor, fitted

LONG = "a" * 64
KEY = "7e1c0f5a9b3d48264f0e8d1a"


@pytest.fixture(scope="module")
def initial_store(tmp_path_factory):
    store = ModelStore(tmp_path_factory.mktemp("commanded"))
    model = LogisticRegression().fit(BOXES.to_numpy(), [0, 1] * 10)
    publish(store, model, metadata={"metrics": {"accuracy": 0.9}}, sample=BOXES, version="v1")
    publish(store, fitted(SumRegressor()), sample=BOXES, version="v2")
    publish(store, fitted(SumRegressor()), sample=BOXES, version=LONG)
    store.activate("v1")
    return store.root


@pytest.fixture
def run(store):
    """Run ``flask models`` with arguments and settings."""

    def run(*arguments, **variables):
        app = create_app(configuration(store.root, **variables))
        return app.test_cli_runner().invoke(args=["models", *arguments])

    return run


def flask(store, *arguments, **variables):
    """The same as a process."""
    inherited = {k: v for k, v in os.environ.items() if k.removesuffix("_FILE") not in settings.declared()}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "run", "models", *arguments],
        cwd=settings.ROOT,
        env=inherited | {"MODELS_DIR": str(store.root), "APP_ENV": "testing", **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


def succeed(result):
    assert result.exit_code == 0, result.output
    return result.stdout


def run_json(run, *arguments, **variables):
    return json.loads(succeed(run(*arguments, "--json", **variables)))


def fail(result, *words):
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert all(word in " ".join(result.output.split()) for word in words), result.output


def damage(store, version):
    (store.root / f"model_{version}" / "model.pkl").write_bytes(b"damaged")


def test_list_shows_all_versions(run):
    assert [each["version"] for each in run_json(run, "list")] == [LONG, "v2", "v1"]
    table = succeed(run("list"))
    assert all(word in table for word in ("v1", "v2", "active", "available", "accuracy 0.9", "Logistic"))


@pytest.mark.parametrize("columns", [None, "80", "40"])
def test_names_of_versions_are_never_cut(store, columns):
    result = flask(store, "list", **({"COLUMNS": columns} if columns else {}))
    assert result.returncode == 0, result.stderr
    assert LONG in result.stdout


def test_list_says_why_a_version_is_refused(run, store):
    (store.root / "model_v2" / "metadata.json").write_bytes(b"[]")
    assert "metadata.json is not a JSON object" in succeed(run("list"))


def test_show_has_the_certificates(run):
    shown = run_json(run, "show", "v1")
    assert shown["certificates"]["onnx"]["certified"]
    assert shown["metrics"] == {"accuracy": 0.9}
    assert "serves on onnx" in succeed(run("show", "v1"))


def test_verify_changes_nothing(run, store):
    assert run_json(run, "verify", "v2") == {"version": "v2", "verified": True, "engine": "sklearn"}
    assert "passes all checks" in succeed(run("verify", "v2"))
    assert store.active() == "v1"


def test_activate_and_rollback(run, store):
    assert run_json(run, "activate", "v2")["version"] == "v2"
    assert store.active() == "v2"
    assert run_json(run, "rollback", "--wait")["version"] == "v1"
    assert store.active() == "v1"
    fail(run("rollback"), "There is no earlier version to go back to")


@pytest.mark.parametrize("command", ["verify", "activate"])
def test_damaged_version_is_refused_with_the_reason(run, store, command):
    damage(store, "v2")
    fail(run(command, "v2"), "v2 is refused: model.pkl does not match its recorded size and SHA-256")
    fail(run(command, "v2", "--json"), "does not match")
    assert store.active() == "v1"


def test_rollback_to_a_damaged_version_changes_nothing(run, store):
    store.activate("v2")
    damage(store, "v1")
    before = (store.root / "active.json").read_bytes()
    fail(run("rollback"), "v1 is refused")
    assert (store.root / "active.json").read_bytes() == before


def test_certify_records_the_certificates_anew(run, store):
    found = run_json(run, "certify", "v1")
    assert found["certificates"]["onnx"]["certified"]
    assert store.metadata("v1")["certificates"] == found["certificates"]
    succeed(run("verify", "v1"))


def test_certify_all_says_green_or_red_for_each_version(run, store):
    assert [each["version"] for each in run_json(run, "certify", "--all")] == store.versions()
    assert "green" in succeed(run("certify", "--all"))
    (store.folder("v2") / "model.pkl").write_bytes(b"damaged")
    result = run("certify", "--all", "--json")
    assert result.exit_code == 1
    found = {each["version"]: each for each in json.loads(result.stdout)}
    assert not found["v2"]["green"]
    assert "does not match its recorded size" in found["v2"]["reason"]
    assert found["v1"]["green"]


def test_certify_takes_a_version_or_all(run):
    for arguments in (["certify"], ["certify", "v1", "--all"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "give a VERSION, or --all" in result.output


def test_remove_asks_first(run, store):
    assert run("remove", "v2").exit_code == 1
    assert "v2" in store.versions()
    assert "v2 is removed" in succeed(run("remove", "v2", "--yes"))
    assert "v2" not in store.versions()
    fail(run("remove", "v1", "--yes"), "is in use: it is the active one")


def test_prune_keeps_the_newest_and_the_active_one(run, store):
    assert run_json(run, "prune", "--keep", "1") == {"removed": ["v2"]}
    assert store.versions() == [LONG, "v1"]
    assert "removed: none" in succeed(run("prune", "--keep", "1"))
    assert run("prune", "--keep", "0").exit_code == 2
    assert run("prune").exit_code == 2


def test_prune_keeps_what_a_rollback_would_go_back_to(run, store):
    for version in ("v2", "v1", LONG):
        store.activate(version)
    assert run_json(run, "prune", "--keep", "1") == {"removed": ["v2"]}
    assert run_json(run, "rollback")["version"] == "v1"


def test_version_that_callers_are_routed_to_is_shown_and_kept(run, store):
    run_json(run, "route", "canary", "v2", "--percent", "10")
    states = {each["version"]: each["state"] for each in run_json(run, "list")}
    assert states == {"v1": "active", "v2": "challenger", LONG: "available"}
    assert run_json(run, "prune", "--keep", "1") == {"removed": []}
    fail(run("remove", "v2", "--yes"), "is in use: callers are routed to it")


def test_what_is_wrong_with_a_routing_is_named(run):
    fail(run("route", "canary", "v2"), "percent must be a number from 0 to 100")
    fail(run("route", "shadow"), "challenger must be the name of a version")


def test_signed_version_passes_where_unsigned_ones_do_not(run, store):
    fail(run("verify", "v1", MODEL_SIGNING_KEY=KEY), "it is not signed")
    assert "v1 is signed" in succeed(run("sign", "v1", MODEL_SIGNING_KEY=KEY))
    succeed(run("verify", "v1", MODEL_SIGNING_KEY=KEY))
    assert run_json(run, "show", "v1")["signed"]


def test_version_may_be_signed_with_a_key_that_the_server_has_not(run, tmp_path):
    key = Ed25519PrivateKey.generate()
    (tmp_path / "private.pem").write_text(private_pem(key))
    succeed(run("sign", "v1", "--key", str(tmp_path / "private.pem")))
    succeed(run("verify", "v1", MODEL_PUBLIC_KEY=public_pem(key)))
    fail(run("verify", "v1", MODEL_SIGNING_KEY=KEY), "another kind")


def test_signing_without_a_key_says_what_to_set(run, tmp_path):
    fail(run("sign", "v1"), "MODEL_SIGNING_KEY or a private key")
    (tmp_path / "nonsense").write_text("nonsense")
    fail(run("sign", "v1", "--key", str(tmp_path / "nonsense")), "PEM")


VERBS = ["show", "verify", "certify", "activate", "sign"]


@pytest.mark.parametrize("verb", [*VERBS, "remove"])
def test_version_that_is_not_there_is_named(run, verb):
    options = ["--yes"] if verb == "remove" else []
    fail(run(verb, "v9", *options, MODEL_SIGNING_KEY=KEY), "There is no model version 'v9'")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a b", "..", "a" * 65])
def test_name_that_no_version_has_is_refused(run, verb, name):
    fail(run(verb, name, MODEL_SIGNING_KEY=KEY), "Invalid version name", "must be 1 to 64 characters")


def test_json_is_all_there_is_on_stdout_and_the_log_on_stderr(store):
    """Two flawed versions: one is refused, one only warned about."""
    path = store.root / "model_v2" / "metadata.json"
    metadata = json.loads(path.read_bytes())
    metadata["libraries"]["scikit-learn"] = "0.24.0"
    path.write_text(json.dumps(metadata))
    result = flask(store, "verify", "v2", "--json", SKLEARN_VERSION_POLICY="warn")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["verified"]
    assert "version has a flaw" in result.stderr


def test_refusal_ends_with_status_1_and_nothing_on_stdout(store):
    damage(store, "v1")  # the active one: the command does not try to serve it
    result = flask(store, "verify", "v1", "--json")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.strip() == (
        "Error: Version v1 is refused: model.pkl does not match its recorded size and SHA-256"
    )


def test_command_is_no_worker_that_one_would_have_to_wait_for(store):
    result = flask(store, "activate", "v2", "--wait", "--json")
    assert json.loads(result.stdout) == {"version": "v2", "state": "active", "workers": 0}
    assert store.active() == "v2"
