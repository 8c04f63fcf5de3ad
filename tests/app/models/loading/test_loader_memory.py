"""What a loaded version keeps in memory."""

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from app.exceptions import ArtifactInvalid
from app.models.loading import kept_files
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from tests.estimators import BOXES


@pytest.fixture
def model():
    return LogisticRegression().fit(BOXES, [0, 1] * 10)


def kept(version):
    return version.engine._load_reference.args[0].files


def test_of_the_files_only_the_pickle_is_kept(store, model):
    version = load(store, publish(store, model, sample=BOXES), LoadingOptions(engine="onnx"))
    assert kept(version).keys() == {"model.pkl"}


def test_a_large_pickle_is_read_and_verified_again_when_a_row_needs_it(store, model, monkeypatch):
    monkeypatch.setattr(kept_files, "MOST_KEPT", 10)
    name = publish(store, model, sample=BOXES)
    version = load(store, name, LoadingOptions(engine="onnx"))
    assert kept(version) == {}
    row = BOXES[1:2].to_numpy() * 1e40  # beyond what the certificate covers
    assert version.engine.predict(row).values[0] == model.predict(pd.DataFrame(row, columns=BOXES.columns))[0]
    assert kept(version) == {}

    again = load(store, name, LoadingOptions(engine="onnx"))
    (store.folder(name) / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ArtifactInvalid, match="does not match its recorded size"):
        again.engine.predict(row)
    assert len(again.engine.predict(BOXES.to_numpy()).values) == len(BOXES)
