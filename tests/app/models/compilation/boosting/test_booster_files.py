"""Bare boosters and their files become estimators that serve as versions."""

import sys

import numpy as np
import pytest

from app.exceptions import UnsupportedModel
from app.models.compilation.boosting.booster_files import as_estimator, read_booster
from app.models.importing.importer import import_files
from app.models.importing.request import ImportRequest
from tests.app.models.compilation.boosting.models import (
    BINARY,
    MODELS,
    NUMBERS,
    ROWS,
    SEVERAL,
    _cat,
    _lgbm,
    _xgb,
)


def _saved(model, path):
    if path.suffix == ".txt":
        model.booster_.save_model(path)
    else:
        model.save_model(str(path))
    return path


FILES = {
    "two.json": lambda: _xgb().fit(ROWS, BINARY),
    "several.ubj": lambda: _xgb().fit(ROWS, SEVERAL),
    "numbers.ubj": lambda: _xgb("Regressor").fit(ROWS, NUMBERS),
    "ranks.json": lambda: _xgb("Ranker").fit(ROWS, BINARY, qid=np.repeat(range(20), 20)),
    "two.txt": lambda: _lgbm().fit(ROWS, BINARY),
    "several.txt": lambda: _lgbm().fit(ROWS, SEVERAL),
    "numbers.txt": lambda: _lgbm("Regressor").fit(ROWS, NUMBERS),
    "several.cbm": lambda: _cat().fit(ROWS, SEVERAL),
    "numbers.cbm": lambda: _cat("Regressor").fit(ROWS, NUMBERS),
}


@pytest.mark.parametrize("name", FILES)
def test_file_answers_as_the_model_that_wrote_it(tmp_path, name):
    model = FILES[name]()
    read = read_booster(_saved(model, tmp_path / name))
    assert np.array_equal(np.ravel(read.predict(ROWS)), np.ravel(model.predict(ROWS)))
    if hasattr(model, "predict_proba"):
        assert np.array_equal(read.predict_proba(ROWS), model.predict_proba(ROWS))
    else:
        assert not np.size(getattr(read, "classes_", ()))


def test_file_is_imported_as_a_version_that_serves_compiled(store, tmp_path):
    path = _saved(FILES["several.txt"](), tmp_path / "model.txt")
    sample = tmp_path / "sample.csv"
    columns = ",".join(f"Column_{number}" for number in range(5))
    np.savetxt(sample, np.nan_to_num(ROWS), delimiter=",", header=columns, comments="")
    version = import_files(ImportRequest(store.root, path, sample))
    metadata = store.metadata(version)
    assert (metadata["engine"], metadata["classes"]) == ("onnx", [0, 1, 2])


@pytest.mark.parametrize("name", ["model.json", "model.ubj", "model.txt", "model.cbm"])
@pytest.mark.parametrize("content", [b"", b"{}", b"tree\nversion=v4\n"], ids=["empty", "braces", "head"])
def test_file_of_something_else_is_refused_in_a_sentence(tmp_path, name, content, capfd):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnsupportedModel, match=f"{name} is no model that"):
        read_booster(tmp_path / name)


def test_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(UnsupportedModel, match=r"needs xgboost: pip install -r requirements-boosting\.txt"):
        read_booster(tmp_path / "model.json")


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_bare_booster_becomes_an_estimator_with_classes(library):
    bare, sample = MODELS[f"{library}, bare"]()
    estimator = as_estimator(bare)
    assert len(estimator.classes_) == len(np.unique(np.ravel(estimator.predict(sample))))
    assert estimator.predict_proba(sample).shape == (len(sample), len(estimator.classes_))
