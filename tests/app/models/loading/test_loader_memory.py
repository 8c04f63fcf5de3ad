"""What a loaded version keeps in memory."""

import gc

from sklearn.linear_model import LogisticRegression

from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from tests.estimators import BOXES


def test_of_the_files_only_the_pickle_is_kept(store):
    model = LogisticRegression().fit(BOXES, [0, 1] * 10)
    version = load(store, publish(store, model, sample=BOXES), LoadingOptions(engine="onnx"))
    graph = (store.folder(version.version) / "model.onnx").read_bytes()
    gc.collect()
    assert not any(each == graph for each in gc.get_objects() if isinstance(each, bytes))
    kept = [files for files in gc.get_objects() if isinstance(files, dict) and "model.pkl" in files]
    assert kept
    assert not any("model.onnx" in files and isinstance(files["model.onnx"], bytes) for files in kept)
