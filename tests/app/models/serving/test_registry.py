"""Several models in one service."""

import json
import shutil
import subprocess
import sys

import pytest
from sklearn.linear_model import LinearRegression

from app.exceptions import ModelNotFound, StoreUnreadable
from app.middleware.metrics import instruments_of
from app.models.loading.loader import LoadingOptions
from app.models.ml_models import model_manager
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.serving.registry import ModelRegistry, is_name
from app.models.serving.served_model import ServedModel
from app.models.serving.watcher import RegistryWatcher
from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import assert_error
from tests.estimators import BOXES, ROW, LabelClassifier, SumClassifier, SumRegressor, fitted
from tests.services import gunicorn, wait_until
from tests.settings import ROOT


@pytest.fixture
def two_models(serve, models_dir):
    """A client of an app whose default model is `SumClassifier`; ``sums`` answers the sum."""
    client = serve(fitted(SumClassifier()), version="v1")
    with client.application.app_context():
        model_manager.save_model(fitted(SumRegressor()), sample=BOXES, version="v1", name="sums")
        model_manager.registry.load_all()
    return client


@pytest.fixture
def manager(two_models):
    return model_manager


def prediction(response):
    return response.get_json()["result"]["prediction"]


def damage(models_dir, name="sums", version="v1"):
    (models_dir / name / f"model_{version}" / "model.pkl").write_bytes(b"torn")


def test_each_model_answers_at_its_own_address(two_models):
    assert prediction(two_models.post("/api/predict", json=ROW)) == 0
    assert prediction(two_models.post("/api/models/sums/predict", json=ROW)) == 6.0


def test_each_model_answers_batches(two_models):
    body = {"samples": [[1, 2, 3], [3, 4, 5]]}
    answer = two_models.post("/api/models/sums/predict/batch", json=body).get_json()
    assert [result["prediction"] for result in answer["results"]] == [6.0, 12.0]
    assert (answer["count"], answer["model_version"]) == (2, "v1")


def test_each_model_answers_from_the_cache(serve, models_dir):
    client = serve(fitted(SumClassifier()), version="v1", CACHE_MODE="fast")
    with client.application.app_context():
        model_manager.save_model(fitted(SumRegressor()), sample=BOXES, version="v1", name="sums")
        model_manager.registry.load_all()
        for name in ("default", "sums"):
            certificates = model_manager.registry[name].model.metadata["certificates"]
            certificates["sklearn"]["median_us"]["1"] = 5000.0  # so slow that looking pays on any machine
    address = "/api/models/sums/predict/fast"
    first, again = (client.post(address, json=ROW).get_json() for _ in range(2))
    assert (first["result"], again["result"]) == ({"prediction": 6.0}, {"prediction": 6.0})
    assert 0 <= again["response_time"] < 60
    assert (first["cached"], again["cached"]) == (False, True)
    assert client.post("/api/predict/fast", json=ROW).get_json()["cached"] is False


@pytest.mark.parametrize("name", ["nothing", "model_v1", "default.", ".workers", "%2e%2e", "a" * 65])
def test_a_model_that_is_not_there_is_not_found(two_models, name):
    assert_error(two_models.post(f"/api/models/{name}/predict", json=ROW), 404, "not_found")


def test_the_default_model_has_its_name_too(two_models):
    assert prediction(two_models.post("/api/models/default/predict", json=ROW)) == 0
    assert not is_name("default")


def test_a_model_without_a_loaded_version_is_503(two_models, models_dir):
    shutil.copytree(models_dir / "sums", models_dir / "more")
    assert_error(two_models.post("/api/models/more/predict", json=ROW), 503, "model_error")


def test_a_bad_model_takes_nothing_else_down(serve, models_dir):
    client = serve(fitted(SumClassifier()), version="v1")
    with client.application.app_context():
        for name in ("sums", "worse"):
            model_manager.save_model(fitted(SumRegressor()), sample=BOXES, version="v1", name=name)
        damage(models_dir, "worse")
        model_manager.registry.load_all()
    assert client.get("/api/health/ready").status_code == 200
    assert prediction(client.post("/api/models/sums/predict", json=ROW)) == 6.0
    assert_error(client.post("/api/models/worse/predict", json=ROW), 503, "model_error")
    default, sums, worse = client.get("/api/models").get_json()["models"]
    assert [(m["name"], m["ready"]) for m in (default, sums, worse)] == [
        ("default", True),
        ("sums", True),
        ("worse", False),
    ]
    assert "does not match" in worse["refused"]["v1"]
    assert "refused" not in default


def linked(models_dir, name="sums"):
    """The folder of a model elsewhere, and a link in its place."""
    shutil.move(models_dir / name, models_dir.parent / "elsewhere")
    (models_dir / name).symlink_to(models_dir.parent / "elsewhere")


REASON = "sums in the model store cannot be read: it is a symbolic link"


def test_a_folder_that_is_a_link_is_named(two_models, models_dir, caplog):
    linked(models_dir)
    registry = ModelRegistry(models_dir, lambda name, store: ServedModel(store, LoadingOptions()))
    registry.load_all()
    assert [record.reason for record in caplog.records if record.msg == "model not loaded"] == [REASON]
    with pytest.raises(StoreUnreadable, match=REASON):
        registry["sums"]
    model_manager.registry.forget("sums")
    answer = two_models.post("/api/models/sums/predict", json=ROW)
    assert_error(answer, 503, "model_error")
    assert answer.get_json()["error"] == REASON
    default, sums = two_models.get("/api/models").get_json()["models"]
    assert (default["ready"], sums["ready"], sums["reason"]) == (True, False, REASON)


def test_a_folder_that_becomes_a_link_is_given_up_and_named_once(two_models, models_dir, caplog):
    watcher = RegistryWatcher(model_manager.registry)
    watcher.poll()
    linked(models_dir)
    for _ in range(3):
        watcher.poll()
    assert "sums" not in watcher._watchers
    assert_error(two_models.post("/api/models/sums/predict", json=ROW), 503, "model_error")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 5}'])
def test_a_model_whose_active_version_is_unknown_hides_no_other(two_models, models_dir, content):
    (models_dir / "sums" / "active.json").write_bytes(content)
    default, sums = two_models.get("/api/models").get_json()["models"]
    assert (default["name"], default["ready"], "reason" in default) == ("default", True, False)
    assert (sums["ready"], sums["version"], sums["active"]) == (True, "v1", None)
    assert sums["reason"].startswith("active.json in the model store cannot be read: ")


def test_without_a_default_model_others_answer_and_health_says_so(empty_app):
    client = empty_app.test_client()
    with empty_app.app_context():
        model_manager.save_model(fitted(SumRegressor()), sample=BOXES, name="sums")
        model_manager.registry.load_all()
    assert client.get("/api/health").status_code == 503
    assert prediction(client.post("/api/models/sums/predict", json=ROW)) == 6.0


def test_versions_are_those_of_the_model_asked_for(two_models):
    with two_models.application.app_context():
        doubled = fitted(SumRegressor(factor=2.0))
        model_manager.save_model(doubled, sample=BOXES, version="v2", name="sums", activate=False)
    listed = two_models.get("/api/models?model=sums").get_json()
    assert {version["version"] for version in listed["versions"]} == {"v1", "v2"}
    answer = two_models.post("/api/models/v2/activate?model=sums").get_json()
    assert (answer["version"], answer["state"]) == ("v2", "active")
    assert prediction(two_models.post("/api/models/sums/predict", json=ROW)) == 12.0
    assert two_models.get("/api/health").get_json()["model_version"] == "v1"
    assert two_models.post("/api/models/rollback?model=sums").get_json()["version"] == "v1"
    assert prediction(two_models.post("/api/models/sums/predict", json=ROW)) == 6.0
    assert two_models.post("/api/models/v2/verify?model=sums").get_json()["verified"]
    assert two_models.delete("/api/models/v2?model=sums").get_json()["removed"]
    assert_error(two_models.get("/api/models/v2?model=sums"), 404, "not_found")
    assert_error(two_models.get("/api/models?model=nothing"), 404, "not_found")


def test_the_information_is_of_the_model_asked_for(two_models):
    tasks = [two_models.get(f"/api/model/info{query}").get_json()["task"] for query in ("", "?model=sums")]
    assert tasks == ["classification", "regression"]


def test_metrics_tell_models_apart(two_models):
    two_models.post("/api/predict", json=ROW)
    two_models.post("/api/models/sums/predict", json=ROW)
    text = two_models.get("/metrics").text
    assert 'prediction_rows_total{version="v1"} 1.0' in text
    assert 'prediction_rows_total{version="sums/v1"} 1.0' in text
    assert instruments_of(two_models.application)


def test_predicting_needs_no_admin_and_looking_after_does(build_app, models_dir):
    app = build_app(API_KEY_1=KEY, API_KEY_SCOPES="predict", RATE_LIMIT_ADMIN="1/hour", WORKERS=1)
    with app.app_context():
        model_manager.save_model(fitted(SumRegressor()), sample=BOXES, name="sums")
        model_manager.registry.load_all()
    client = app.test_client()
    for _ in range(3):
        assert client.post("/api/models/sums/predict", json=ROW, headers=with_key(KEY)).status_code == 200
    assert_error(client.get("/api/models?model=sums", headers=with_key(KEY)), 403, "permission_error")


def test_the_manager_keeps_its_calls_and_has_the_services_by_name(manager):
    assert manager.predict([1, 2, 3])["prediction"] == 0
    assert manager.registry["sums"].predict([[1, 2, 3]]).to_dicts() == [{"prediction": 6.0}]
    assert manager.registry["default"] is manager.served_model
    with pytest.raises(ModelNotFound):
        manager.registry["nothing"]


def test_new_models_are_followed_and_gone_ones_given_up(two_models, models_dir):
    watcher = RegistryWatcher(model_manager.registry)
    watcher.poll()
    with two_models.application.app_context():
        model_manager.save_model(fitted(LabelClassifier()), sample=BOXES, name="labels")
    watcher.poll()
    assert prediction(two_models.post("/api/models/labels/predict", json=ROW)) == "small"
    shutil.rmtree(models_dir / "labels")
    watcher.poll()
    assert_error(two_models.post("/api/models/labels/predict", json=ROW), 404, "not_found")


def test_threads_that_follow_give_way_to_requests(two_models):
    """In another process, whose interpreter it is."""
    program = (
        "import sys; from pathlib import Path; from tests.conftest import configuration\n"
        "from app import create_app\n"
        "from app.models.serving.watcher import SWITCH_INTERVAL, RegistryWatcher\n"
        "from app.models.ml_models import model_manager\n"
        "create_app(configuration(Path(sys.argv[1]))); RegistryWatcher(model_manager.registry).start()\n"
        "print(abs(sys.getswitchinterval() - SWITCH_INTERVAL) < 1e-6)"
    )
    root = two_models.application.config["MODELS_DIR"]
    command = [sys.executable, "-c", program, str(root)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[-1] == "True"


def test_commands_take_the_model(two_models):
    runner = two_models.application.test_cli_runner()
    listed = runner.invoke(args=["models", "list", "--model", "sums", "--json"])
    assert [version["version"] for version in json.loads(listed.output)] == ["v1"]
    assert runner.invoke(args=["models", "activate", "v1", "--model", "sums"]).exit_code == 0
    unknown = runner.invoke(args=["models", "list", "--model", "nothing"])
    assert (unknown.exit_code, "There is no model 'nothing'" in unknown.output) == (1, True)


@pytest.fixture
def boxes(boxes_dir, models_dir):
    """The test's store with a default model, and how to save others that add up; all are compiled."""
    shutil.copytree(boxes_dir, models_dir)
    model = LinearRegression().fit(BOXES.to_numpy(), BOXES.sum(axis=1))

    def save_sums(name, version="v1"):
        store = ModelStore(models_dir / name)
        store.activate(publish(store, model, sample=BOXES, version=version))

    return save_sums


@pytest.mark.server
def test_four_workers_take_up_a_new_model(boxes, models_dir, tmp_path):
    with gunicorn(tmp_path, MODELS_DIR=models_dir) as server:
        boxes("sums")

        def everywhere():
            found = server.get("/api/models?model=sums")
            return found.status_code == 200 and found.json()["versions"][0]["workers"] == 4

        took = wait_until(everywhere)
        answers = [server.post("/api/models/sums/predict", json=ROW) for _ in range(20)]
        assert {round(answer.json()["result"]["prediction"], 9) for answer in answers} == {6.0}
    print(f"a new model is served by four workers after {took:.2f} s")


@pytest.mark.server
def test_a_bad_model_takes_nothing_else_down_in_four_workers(boxes, models_dir, tmp_path):
    """Bad from the start, gone bad while it serves, and activated although it is bad."""
    for name in ("sums", "worse"):
        for version in ("v1", "v2"):
            boxes(name, version)
    damage(models_dir, "worse", "v1")
    damage(models_dir, "worse", "v2")
    with gunicorn(tmp_path, MODELS_DIR=models_dir) as server:
        server.wait_until(lambda: server.get("/api/models?model=sums").json()["versions"][0]["workers"] == 4)

        def statuses():
            paths = ("/api/predict", "/api/models/sums/predict", "/api/models/worse/predict")
            return [{server.post(path, json=ROW).status_code for _ in range(12)} for path in paths]

        assert statuses() == [{200}, {200}, {503}]
        damage(models_dir, "sums", "v1")
        answer = server.post("/api/models/v1/activate?model=sums&wait=true")
        assert (answer.status_code, answer.json()["error_type"]) == (409, "conflict")
        ModelStore(models_dir / "sums").activate("v1")  # by whoever does not ask
        server.wait_until(lambda: server.get("/api/models/v1?model=sums").json()["state"] == "refused")
        assert statuses() == [{200}, {200}, {503}]
        assert server.get("/api/health/ready").status_code == 200
        default, sums, worse = server.get("/api/models").json()["models"]
        assert (default["ready"], sums["ready"], worse["ready"]) == (True, True, False)
        assert (sums["version"], "does not match" in sums["refused"]["v1"]) == ("v2", True)
        # At once, because workers write into the folder while it is emptied.
        (models_dir / "sums").rename(tmp_path / "removed")
        server.wait_until(lambda: server.post("/api/models/sums/predict", json=ROW).status_code == 404)
        assert server.post("/api/predict", json=ROW).status_code == 200
        assert len(server.workers()) == 4


def test_models_are_not_given_up_while_their_folder_cannot_be_read(tmp_path):
    store = ModelStore(tmp_path / "models" / "fraud")
    publish(store, fitted(SumRegressor()), sample=BOXES, version="v1")
    services = ModelRegistry(tmp_path / "models", lambda name, store: ServedModel(store, LoadingOptions()))
    assert services.names() == ["fraud"]
    (tmp_path / "models").rename(tmp_path / "elsewhere")
    (tmp_path / "models").touch()
    with pytest.raises(StoreUnreadable, match="models in the model store cannot be read"):
        services.names()
    with pytest.raises(StoreUnreadable):
        RegistryWatcher(services).poll()
