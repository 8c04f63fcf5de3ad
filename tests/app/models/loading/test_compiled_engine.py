"""The engine for batches of a version: when it is made, and when it is not."""

import json
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from app.exceptions import ArtifactInvalid
from app.models.certification.comparison import BATCHES, compare
from app.models.engines.batches import BatchingEngine
from app.models.importing.recertification import recertify_all
from app.models.loading import kept_files
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from config import ConfigError

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(300, 4))
TARGET = (ROWS[:, 0] + ROWS[:, 1] ** 2 > 1).astype(int)
MANY = GENERATOR.normal(size=(500, 4))


@pytest.fixture(scope="module")
def model():
    return RandomForestClassifier(20, max_depth=5, random_state=0).fit(ROWS, TARGET)


@pytest.fixture
def version(store, model):
    return publish(store, model, sample=ROWS)


def edit(store, version, change):
    path = store.folder(version) / "metadata.json"
    metadata = json.loads(path.read_text())
    change(metadata)
    path.write_text(json.dumps(metadata))


def engine_after(loaded, rows=MANY):
    """What answers calls of many rows once the first one is over, None for the engine itself."""
    loaded.engine.predict(rows)
    for thread in threading.enumerate():
        if thread.name == "engine for batches":
            thread.join(60)
    return loaded.engine.compiled._other


def test_batches_of_a_forest_have_an_engine_of_their_own_with_the_models_answers(store, model, version):
    metadata = store.metadata(version)
    assert (metadata["engine"], metadata["batch_engine"]) == ("onnx", "numba")
    found = metadata["certificates"]["numba"]
    assert found["certified"]
    assert found["splits"]["proven"] == found["splits"]["total"] > 0
    assert set(found["libraries"]) == {"numba", "numpy", "onnxruntime"}
    loaded = load(store, version, LoadingOptions())
    assert engine_after(loaded).name == "numba"
    answered = loaded.engine.predict(MANY)
    assert np.array_equal(answered.probabilities, model.predict_proba(MANY))
    assert np.array_equal(model.classes_[answered.values], model.predict(MANY))


def test_no_other_model_has_one(store):
    version = publish(store, LogisticRegression().fit(ROWS, TARGET), sample=ROWS)
    assert store.metadata(version)["batch_engine"] is None
    assert "numba" not in store.metadata(version)["certificates"]
    assert not isinstance(load(store, version, LoadingOptions()).engine.compiled, BatchingEngine)


def test_an_engine_that_saves_less_than_a_quarter_stays_out_of_the_version(store, model, monkeypatch):
    def measured(found, *sizes):
        return 8.0 if "numba" in found["libraries"] else 10.0 if "kernel" in found else 100.0

    monkeypatch.setattr("app.models.certification.certify.cost", measured)
    version = publish(store, model, sample=ROWS)
    metadata = store.metadata(version)
    assert metadata["certificates"]["numba"]["certified"]
    assert metadata["batch_engine"] is None
    assert "model.trees" not in metadata["files"]


def test_it_is_compared_in_batches_only(store, model, monkeypatch):
    sizes = {}

    def watched(attempt, *args, batches, **options):
        sizes[attempt.__self__.name] = batches
        return compare(attempt, *args, batches=batches, **options)

    monkeypatch.setattr("app.models.certification.certificate.compare", watched)
    publish(store, model, sample=ROWS)
    assert sizes == {"onnx": BATCHES, "numba": (64, 1000)}


@pytest.mark.parametrize("engine", ["onnx", "sklearn"])
def test_an_engine_that_was_asked_for_answers_batches_too(store, version, engine):
    served = load(store, version, LoadingOptions(engine=engine)).engine
    assert not isinstance(getattr(served, "compiled", None), BatchingEngine)


def test_it_cannot_serve_everything(build_app):
    with pytest.raises(ConfigError, match=r"MODEL_ENGINE='numba': Must be one of: auto, sklearn, onnx\."):
        build_app(MODEL_ENGINE="numba")


def test_an_older_version_without_one_serves_as_before(store, version):
    edit(store, version, lambda metadata: metadata.pop("batch_engine"))
    assert not isinstance(load(store, version, LoadingOptions()).engine.compiled, BatchingEngine)


def test_another_release_of_its_library_voids_it_and_certifying_again_mends_it(store, version, caplog):
    edit(store, version, lambda metadata: metadata["certificates"]["numba"]["libraries"].update(numba="0.1"))
    loaded = load(store, version, LoadingOptions())
    assert not isinstance(loaded.engine.compiled, BatchingEngine)
    assert "made with numba 0.1" in caplog.records[-1].reason
    (outcome,) = recertify_all(store, LoadingOptions())
    assert (outcome.green, outcome.done) == (True, "certified again")
    assert isinstance(load(store, version, LoadingOptions()).engine.compiled, BatchingEngine)


def test_where_its_library_is_absent_batches_are_answered_and_the_log_says_what_to_install(
    store, model, version, monkeypatch, caplog
):
    monkeypatch.delitem(sys.modules, "app.models.engines.composed.tree_sums", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    loaded = load(store, version, LoadingOptions())
    assert engine_after(loaded) is None
    assert np.array_equal(loaded.engine.predict(MANY).probabilities, model.predict_proba(MANY))
    assert "it needs numba" in caplog.records[-1].reason


def test_publishing_where_it_is_absent_says_so_in_the_certificate(store, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    version = publish(store, model, sample=ROWS)
    assert store.metadata(version)["batch_engine"] is None
    assert store.metadata(version)["certificates"]["numba"]["reason"] == "not installed: numba"


def test_a_failure_of_it_is_counted(serve, model, monkeypatch):
    client = serve(model, sample=ROWS, MAX_BATCH_SIZE=500)
    engine = client.application.extensions["model_registry"].default.model.engine
    engine.compiled._load = None
    engine.compiled._other = SimpleNamespace(name="numba", attempt=None)
    response = client.post("/api/predict/batch", json={"samples": MANY.tolist()})
    assert response.status_code == 200
    assert 'engine_failures_total{engine="numba"} 1.0' in client.get("/metrics").text


def test_golden_rows_that_it_answers_otherwise_keep_it_out(store, version, caplog):
    loaded = load(store, version, LoadingOptions())
    loaded.metadata["golden"]["probabilities"][0] = [0.5, 0.5]
    assert engine_after(loaded) is None
    assert "golden rows: probabilities differ" in caplog.records[-1].reason


def test_large_trees_are_read_and_verified_again(store, version, monkeypatch, caplog):
    monkeypatch.setattr(kept_files, "MOST_KEPT", 10)
    assert engine_after(load(store, version, LoadingOptions())).name == "numba"
    loaded = load(store, version, LoadingOptions())
    (store.folder(version) / "model.trees").write_bytes(b"others")
    assert engine_after(loaded) is None
    assert "does not match its recorded size" in caplog.records[-1].reason


def test_trees_that_changed_before_the_load_stop_it(store, version):
    (store.folder(version) / "model.trees").write_bytes(b"others")
    with pytest.raises(ArtifactInvalid, match=r"model\.trees does not match"):
        load(store, version, LoadingOptions())


def test_batches_over_http_are_the_same_before_and_after(serve, model):
    client = serve(model, sample=ROWS, MAX_BATCH_SIZE=500)
    before = client.post("/api/predict/batch", json={"samples": MANY.tolist()}).get_json()
    for thread in threading.enumerate():
        if thread.name == "engine for batches":
            thread.join(60)
    engine = client.application.extensions["model_registry"].default.model.engine
    assert engine.compiled._other.name == "numba"
    after = client.post("/api/predict/batch", json={"samples": MANY.tolist()}).get_json()
    assert after["results"] == before["results"]
    assert engine.name == "onnx"
