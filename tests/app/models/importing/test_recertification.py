"""What an upgrade of scikit-learn does to the versions of a store."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from app.models.importing.recertification import recertify_all
from app.models.loading import loader, signing, verification
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.repository.version_files import METADATA, fingerprint
from tests.estimators import BOXES

WARN = verification.VerificationPolicy(sklearn_version="warn")


@pytest.fixture(scope="module")
def initial_store(tmp_path_factory):
    store = ModelStore(tmp_path_factory.mktemp("upgraded"))
    publish(store, LogisticRegression().fit(BOXES.to_numpy(), [0, 1] * 10), sample=BOXES, version="v1")
    return store.root


def edit(store, change):
    path = store.root / "model_v1" / METADATA
    metadata = json.loads(path.read_bytes())
    change(metadata)
    path.write_text(json.dumps(metadata))


def older(metadata):
    metadata["libraries"]["scikit-learn"] = "1.0.2"
    metadata["certificates"]["sklearn"]["libraries"]["scikit-learn"] = "1.0.2"


def outcome(store, policy=verification.VerificationPolicy()):  # noqa: B008 # frozen
    (found,) = recertify_all(store, loader.LoadingOptions(admission=policy))
    return found


def unreadable_pickle(store):
    (store.root / "model_v1" / "model.pkl").write_bytes(b"cno_such_module\nno\n.")
    edit(
        store,
        lambda metadata: metadata["files"].update({"model.pkl": fingerprint(b"cno_such_module\nno\n.")}),
    )


def test_untouched_version_is_only_verified(store):
    found = outcome(store)
    assert (found.green, found.engine, found.done, found.reason) == (True, "onnx", "verified", None)


def test_other_runtime_is_certified_again(store):
    edit(store, lambda metadata: metadata["certificates"]["onnx"]["libraries"].update(onnxruntime="1.0.0"))
    assert outcome(store).done == "certified again"
    assert outcome(store).done == "verified"


def test_pickle_of_another_scikit_learn_is_not_read_and_its_engine_serves_alone(store):
    edit(store, older)
    unreadable_pickle(store)
    found = outcome(store)
    assert (found.green, found.engine, found.done) == (True, "onnx", "verified")
    assert found.reason.startswith("it was fitted with scikit-learn 1.0.2, installed is ")


def test_pickle_that_loads_is_compared_with_its_engine_again_where_the_policy_lets_it(store):
    edit(store, older)
    found = outcome(store, WARN)
    assert (found.green, found.done, found.reason) == (True, "certified again", None)
    assert loader.load(store, "v1", loader.LoadingOptions(admission=WARN)).alone is None


def test_pickle_that_no_longer_loads_leaves_the_engine_as_it_is(store):
    edit(store, older)
    unreadable_pickle(store)
    found = outcome(store, WARN)
    assert (found.green, found.engine, found.done) == (True, "onnx", "verified")
    assert found.reason.startswith("unpickling failed: ")


def test_pickle_that_answers_otherwise_leaves_the_engine_as_it_is(store, monkeypatch):
    edit(store, older)
    before = (store.root / "model_v1" / "model.onnx").read_bytes()
    monkeypatch.setattr(LogisticRegression, "predict", lambda self, rows: np.ones(len(rows), dtype=int))
    found = outcome(store, WARN)
    assert found.green
    assert found.reason.startswith("its model answers otherwise than when saved: ")
    assert (store.root / "model_v1" / "model.onnx").read_bytes() == before


def test_version_without_a_compiled_engine_is_red(store):
    edit(store, older)
    edit(store, lambda metadata: metadata.update(engine="sklearn"))
    found = outcome(store)
    assert (found.green, found.engine) == (False, None)
    assert found.reason.startswith("it was fitted with scikit-learn 1.0.2")


def test_signed_version_keeps_its_signature(store):
    edit(store, lambda metadata: metadata["certificates"]["onnx"]["libraries"].update(onnxruntime="1.0.0"))
    store.sign("v1", signing.sign(store.raw_metadata("v1"), hmac_key="a signing key of this test"))
    before = store.raw_metadata("v1")
    assert outcome(store).done == "verified"
    assert store.raw_metadata("v1") == before
