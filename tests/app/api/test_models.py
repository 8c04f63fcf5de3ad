"""``/api/models``: what operators do with versions."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from app import create_app
from app.models.loading import signing
from app.models.ml_models import model_manager
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.serving import watcher
from tests.app.middleware.auth.credentials import with_key
from tests.app.models.loading.test_verification import external_onnx, put
from tests.assertions import assert_error, strict_json
from tests.conftest import configuration
from tests.estimators import BOXES, SumClassifier, SumRegressor, fitted

pytestmark = pytest.mark.usefixtures("both_dispatches")

OPERATOR, CALLER = "operators-key-0123456789", "a-key-of-somebody-else-0123"


@pytest.fixture(scope="module")
def initial_store(tmp_path_factory):
    store = ModelStore(tmp_path_factory.mktemp("administered"))
    publish(
        store, fitted(SumClassifier()), metadata={"metrics": {"accuracy": 0.9}}, sample=BOXES, version="v1"
    )
    publish(store, fitted(SumRegressor()), sample=BOXES, version="v2")
    store.activate("v1")
    return store.root


@pytest.fixture
def client(store):
    app = create_app(configuration(store.root))
    with app.app_context():
        model_manager.load_model()
    return app.test_client()


def damage(store, version):
    (store.root / f"model_{version}" / "model.pkl").write_bytes(b"damaged")


def serves(client):
    return client.get("/api/health").get_json()["model_version"]


def test_overview_shows_every_version_newest_first(client):
    document = strict_json(client.get("/api/models"))
    assert document["active"] == "v1"
    newest, oldest = document["versions"]
    assert (newest["version"], newest["state"]) == ("v2", "available")
    assert oldest["size"] > 1000
    assert {
        key: oldest[key] for key in ("version", "state", "model_type", "engine", "metrics", "signed")
    } == {
        "version": "v1",
        "state": "active",
        "model_type": "SumClassifier",
        "engine": "sklearn",
        "metrics": {"accuracy": 0.9},
        "signed": False,
    }


def test_one_version_is_shown_as_in_the_overview(client):
    overview = client.get("/api/models").get_json()["versions"]
    assert client.get("/api/models/v1").get_json() == overview[1]


def test_overview_of_an_empty_store_is_empty(tmp_path):
    app = create_app(configuration(tmp_path / "empty"))
    answer = app.test_client().get("/api/models").get_json()
    assert (answer["active"], answer["versions"]) == (None, [])
    assert [(model["name"], model["ready"]) for model in answer["models"]] == [("default", False)]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"[" * 200_000, b'{"files": [1], "metrics": "good"}', b'{"files": {"a": 1}}',
     b'{"files": {"a": {"size": "x"}}, "saved_at": 7}'],
    ids=lambda content: repr(content[:40]),
)  # fmt: skip
def test_damaged_version_does_not_hide_the_others(client, store, content):
    (store.root / "model_v2" / "metadata.json").write_bytes(content)
    versions = client.get("/api/models").get_json()["versions"]
    assert {each["version"] for each in versions} == {"v1", "v2"}
    assert_error(client.post("/api/models/v2/activate"), 409, "conflict")
    assert serves(client) == "v1"


def test_activated_version_serves_at_once(client, store):
    answer = client.post("/api/models/v2/activate")
    assert (answer.status_code, answer.get_json()["version"]) == (200, "v2")
    assert store.active() == "v2"
    assert serves(client) == "v2"
    assert client.post("/api/predict", json={"features": [1, 2, 3]}).get_json()["result"]["prediction"] == 6


@pytest.mark.parametrize("path", ["/api/models/v2/activate", "/api/models/rollback"])
def test_waiting_is_true_or_false(client, path):
    (error,) = assert_error(client.post(f"{path}?wait=yes"), 400, "validation_error")
    assert error == {"field": "wait", "reason": "must be true or false"}


@pytest.mark.parametrize("name", ["rollback", "routing", "comparison"])
def test_names_of_routes_are_no_versions_to_remove(client, name):
    response = client.delete(f"/api/models/{name}")
    assert_error(response, 405, "method_not_allowed")
    assert "DELETE" not in response.headers["Allow"]
    assert "DELETE" not in client.options(f"/api/models/{name}").headers["Allow"]


def test_rollback_serves_what_served_before(client, store):
    client.post("/api/models/v2/activate")
    assert client.post("/api/models/rollback").get_json()["version"] == "v1"
    assert (serves(client), store.active()) == ("v1", "v1")
    assert_error(client.post("/api/models/rollback"), 409, "conflict")
    assert serves(client) == "v1"


def test_verification_changes_nothing(client, store):
    assert client.post("/api/models/v2/verify").get_json() == {
        "version": "v2",
        "verified": True,
        "engine": "sklearn",
    }
    assert (serves(client), store.active()) == ("v1", "v1")


@pytest.mark.parametrize("call", ["activate", "verify"])
def test_damaged_version_is_refused_with_the_reason(client, store, call):
    damage(store, "v2")
    response = client.post(f"/api/models/v2/{call}")
    assert_error(response, 409, "conflict")
    details = response.get_json()["details"]
    assert details == {"version": "v2", "reason": "model.pkl does not match its recorded size and SHA-256"}
    assert (serves(client), store.active()) == ("v1", "v1")
    assert client.get("/api/health/ready").status_code == 200


def rewritten(change):
    """Change the metadata of a version."""

    def apply(folder):
        metadata = json.loads((folder / "metadata.json").read_bytes())
        change(metadata)
        (folder / "metadata.json").write_text(json.dumps(metadata))

    return apply


def linked(folder):
    (folder / "model.pkl").rename(folder.parent / "elsewhere.pkl")
    (folder / "model.pkl").symlink_to(folder.parent / "elsewhere.pkl")


def listed_outside(metadata):
    metadata["files"]["../../outside"] = {"sha256": "0" * 64, "size": 1}


def other_answers(metadata):
    metadata["golden"]["values"] = [value + 1 for value in metadata["golden"]["values"]]


def external_data(folder):
    put(folder, "model.onnx", external_onnx("../outside.bin"))


# What may be wrong with a version, the settings under which it is, and what is said about it.
REFUSALS = {
    "half-written": (
        lambda folder: (folder / "metadata.json").write_bytes((folder / "metadata.json").read_bytes()[:900]),
        {},
        "metadata.json is not valid JSON",
    ),
    "incomplete metadata": (rewritten(lambda metadata: metadata.pop("golden")), {}, "metadata lacks golden"),
    "truncated file": (
        lambda folder: os.truncate(folder / "model.pkl", 50),
        {},
        "model.pkl does not match its recorded size and SHA-256",
    ),
    "missing file": (lambda folder: (folder / "model.pkl").unlink(), {}, "model.pkl is missing"),
    "symbolic link": (linked, {}, "model.pkl is a symbolic link"),
    "path outside the store": (
        rewritten(listed_outside),
        {},
        "'../../outside' is no name of a file of a version",
    ),
    "external data": (external_data, {}, "model.onnx refers to external data"),
    "not signed": (
        lambda folder: None,
        {"MODEL_SIGNING_KEY": "a-signing-key-of-wooden-barrels"},
        "it is not signed",
    ),
    "signed otherwise": (
        lambda folder: (folder / "signature.json").write_bytes(signing.sign(b"other", hmac_key="k")),
        {"MODEL_SIGNING_KEY": "a-signing-key-of-wooden-barrels"},
        "its signature does not match",
    ),
    "another scikit-learn": (
        rewritten(lambda metadata: metadata["libraries"].update({"scikit-learn": "0.24.0"})),
        {},
        "it was fitted with scikit-learn 0.24.0",
    ),
    "other answers": (rewritten(other_answers), {}, "golden rows: 20 of 20 answers differ"),
    "warm-up raises": (
        rewritten(lambda metadata: metadata["golden"].update(rows=[["a"]])),
        {},
        "golden rows raised InvalidInput",
    ),
    "no certificate": (
        rewritten(lambda metadata: metadata["certificates"].pop("sklearn")),
        {"MODEL_ENGINE": "onnx"},
        "MODEL_ENGINE=onnx, but it was not certified",
    ),
}


@pytest.mark.parametrize(("damage", "settings", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_every_refusal_is_shown_counted_and_logged(store, logged, damage, settings, reason):
    damage(store.folder("v2"))
    app = create_app(configuration(store.root))
    with app.app_context():
        model_manager.load_model()
        service = model_manager.served_model
    strict = create_app(configuration(store.root, **settings)).extensions["model_registry"].default
    service.options = replace(
        service.options, admission=strict.options.admission, engine=strict.options.engine
    )
    client = app.test_client()
    response = client.post("/api/models/v2/activate")
    assert_error(response, 409, "conflict")
    assert reason in response.get_json()["details"]["reason"]
    (shown,) = [each for each in client.get("/api/models").get_json()["versions"] if each["version"] == "v2"]
    assert shown["state"] == "refused"
    assert reason in shown["reason"]
    assert "model_load_refusals_total 1.0" in client.get("/metrics").text
    (refused,) = [line for line in logged() if line["event"] == "version rejected"]
    assert (refused["model_version"], reason in refused["reason"]) == ("v2", True)
    assert (serves(client), store.active()) == ("v1", "v1")
    assert client.get("/api/health/ready").status_code == 200


def test_rollback_to_a_damaged_version_changes_nothing(client, store):
    client.post("/api/models/v2/activate")
    damage(store, "v1")
    before = (store.root / "active.json").read_bytes()
    assert_error(client.post("/api/models/rollback"), 409, "conflict")
    assert (store.root / "active.json").read_bytes() == before
    assert serves(client) == "v2"
    assert client.get("/api/health/ready").status_code == 200


def test_removed_version_is_gone(client, store):
    assert client.delete("/api/models/v2").get_json() == {"version": "v2", "removed": True}
    assert store.versions() == ["v1"]
    assert [path.name for path in store.root.glob(".removed-*")] == []
    assert_error(client.get("/api/models/v2"), 404, "not_found")


def test_active_version_cannot_be_removed(client, store):
    assert_error(client.delete("/api/models/v1"), 409, "conflict")
    assert store.versions() == ["v2", "v1"]


CALLS = [
    ("GET", ""), ("DELETE", ""), ("POST", "/activate"), ("POST", "/verify"), ("POST", "/activate?wait=true"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "verb"), CALLS)
def test_version_that_is_not_there_is_404(client, method, verb):
    assert_error(client.open(f"/api/models/v9{verb}", method=method), 404, "not_found")


@pytest.mark.parametrize(("method", "verb"), CALLS)
@pytest.mark.parametrize("name", ["a b", "ü", "a" * 65, "v1%00", "v1%0a", "~root", "v1*", "..."])
def test_name_that_no_version_has_is_400(client, method, verb, name):
    (error,) = assert_error(client.open(f"/api/models/{name}{verb}", method=method), 400, "validation_error")
    assert error["field"] == "version"


@pytest.mark.parametrize("name", ["v9", "a b", "..;"])
def test_mistyped_name_is_no_version_that_was_refused(client, name):
    assert client.post(f"/api/models/{name}/activate").status_code in {400, 404}
    assert "refused" not in client.get("/api/models").get_json()["models"][0]
    assert "model_load_refusals_total 0.0" in client.get("/metrics").text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/activate"), ("GET", "/rollback/x"), ("POST", ""), ("PUT", "/v1"), ("PATCH", "/v1")],
)
def test_other_methods_and_paths_are_not_there(client, method, path):
    response = client.open(f"/api/models{path}", method=method)
    assert response.status_code in {404, 405}


def traversals():
    """300 ways to say a path outside of the store."""
    ups = [
        "..",
        "%2e%2e",
        "%2E%2e",
        ".%2e",
        "%252e%252e",
        "..%00",
        "..;",
        "....",
        "%c0%ae%c0%ae",
        "\uff0e\uff0e",
    ]
    slashes = ["/", "%2f", "%252f", "\\", "%5c", "//", "%c0%af", "/./"]
    targets = ["etc/passwd", "model_v1", "outside", "v1#x"]
    steps = [up + slash for up in ups for slash in slashes]
    deep = [
        step * depth + target for step in steps for depth, target in zip((1, 3, 6, 2), targets, strict=True)
    ]
    return [
        *deep[:290],
        "/etc/passwd", "%2fetc%2fpasswd", "file:///etc/passwd", "v1/../../outside", "v1%2f..%2f..%2foutside",
        "model_v1/../outside", "v1%00.pkl", "~/outside", ".workers%2fx", "v1%0d%0aX: y",
    ]  # fmt: skip


def test_three_hundred_paths_lead_nowhere(client, store):
    outside = store.root.parent / "model_outside"
    shutil.copytree(store.root / "model_v2", outside)
    before = sorted(str(path) for path in store.root.parent.rglob("*"))
    payloads = traversals()
    assert len(set(payloads)) == 300
    statuses = []
    for payload in payloads:
        for method, verb in CALLS[:4]:
            response = client.open(f"/api/models/{payload}{verb}", method=method)
            statuses.append(response.status_code)
            assert response.status_code in {400, 404, 405, 308}, (payload, method, response.text)
            assert "root:" not in response.text
    assert serves(client) == store.active() == "v1"
    assert sorted(str(path) for path in store.root.parent.rglob("*")) == before
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    print(f"\n{len(payloads)} payloads, {len(statuses)} calls, answers by status: {counts}")


@pytest.mark.parametrize(
    ("method", "path"), [(method, f"/api/models/v2{verb}") for method, verb in CALLS[:4]]
)
def test_only_operators_may(store, method, path):
    app = create_app(configuration(store.root, API_KEY_1=CALLER, API_KEY_SCOPES="predict"))
    assert_error(app.test_client().open(path, method=method), 401, "authentication_error")
    refused = app.test_client().open(path, method=method, headers=with_key(CALLER))
    assert_error(refused, 403, "permission_error")
    app = create_app(configuration(store.root, API_KEY_1=OPERATOR, API_KEY_SCOPES="admin"))
    with app.app_context():
        model_manager.load_model()
    assert app.test_client().open(path, method=method, headers=with_key(OPERATOR)).status_code == 200


def test_waiting_ends_once_the_other_workers_serve_it(client, store):
    """Another worker in this process: it follows by itself."""
    other = create_app(configuration(store.root)).extensions["model_registry"].default
    other.load()
    following = watcher.RepositoryWatcher(other)
    following.start()
    try:
        answer = client.post("/api/models/v2/activate?wait=true").get_json()
        assert (answer["workers"], other.model.version) == (1, "v2")
    finally:
        following.stop()


def test_waiting_for_a_worker_that_does_not_follow_ends_with_an_error(client, store, monkeypatch):
    monkeypatch.setattr("app.models.serving.operations.PATIENCE", 0.1)
    other = create_app(configuration(store.root)).extensions["model_registry"].default
    other.load()
    other.join_workers()
    response = client.post("/api/models/v2/activate?wait=true")
    assert_error(response, 503, "model_error")
    assert response.get_json()["details"] == {"version": "v2"}
    assert client.get("/api/models/v2").get_json()["state"] == "active"
    other.workers.leave()


def test_sixty_versions_of_odd_content_do_not_break_the_overview(client, store):
    for number in range(60):
        folder = store.root / f"model_x{number}"
        folder.mkdir()
        Path(folder / "metadata.json").write_text(json.dumps({"metrics": number, "files": None}))
    assert len(client.get("/api/models").get_json()["versions"]) == 62


def test_odd_metadata_of_one_version_does_not_hide_the_others(client, store):
    path = store.root / "model_v2" / "metadata.json"
    path.write_text(path.read_text().replace('"saved_at": "', '"saved_at": "\\ud800', 1))
    shown = {each["version"]: each["state"] for each in strict_json(client.get("/api/models"))["versions"]}
    assert shown == {"v1": "active", "v2": "refused"}
