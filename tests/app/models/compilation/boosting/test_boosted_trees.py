"""Models of XGBoost, LightGBM and CatBoost serve from this project's graph, with their own numbers."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from app.models.certification.thresholds import edge_rows
from app.models.compilation import NotCompilable, tree_proof
from app.models.compilation.boosting import boosted_graph
from app.models.compilation.boosting.boosted_trees import BoostedTrees, boosted_trees, library_of
from app.models.compilation.boosting.booster_files import as_estimator
from app.models.engines.onnx_engine import open_session
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from app.models.schema.validation import validate_rows
from tests.app.models.compilation.boosting.models import (
    BINARY,
    FRAME,
    MODELS,
    NUMBERS,
    ROWS,
    _cat,
    _lgbm,
    _xgb,
)
from tests.settings import ROOT

# The others differ in the graph alone.
PUBLISHED = (
    *("xgboost, two classes", "xgboost, several classes", "xgboost, quantiles", "xgboost, stopped early"),
    *("xgboost, sets of categories", "xgboost, single categories", "xgboost, zeros missing", "xgboost, bare"),
    *("lightgbm, several classes", "lightgbm, numbers", "lightgbm, categories", "lightgbm, bare"),
    *("catboost, several classes", "catboost, several targets", "catboost, bare"),
)


@pytest.mark.parametrize("name", PUBLISHED)
def test_model_serves_compiled_with_its_own_numbers(store, name):
    model, sample = MODELS[name]()
    version = publish(store, model, sample=sample)
    metadata = store.metadata(version)
    certificate = metadata["certificates"]["onnx"]
    assert (metadata["engine"], certificate["reason"]) == ("onnx", None)
    assert certificate["max_difference"] < 1e-6
    loaded = load(store, version, LoadingOptions(engine="onnx"))
    golden = metadata["golden"]
    output = loaded.engine.predict(validate_rows(golden["rows"], loaded.signature))
    assert np.allclose(output.values, golden["values"], rtol=1e-6)
    recorded = metadata["libraries"]
    assert recorded[name.partition(",")[0]]


def raw_numbers(model: BoostedTrees, rows, *, classes=True):
    """What the graph of the trees answers."""
    graph = boosted_graph.boosted_graph(
        model, boosted_graph.trees_of_graph(model), width=rows.shape[1], classes=classes
    )
    rounded = rows.astype(np.float32).astype(np.float64) if model.rounded else rows
    return open_session(graph.SerializeToString()).run(None, {"X": np.ascontiguousarray(rounded)})[0]


@pytest.mark.parametrize("name", [name for name in MODELS if name not in PUBLISHED])
def test_graph_answers_as_the_model_does_on_every_edge(name):
    model, sample = MODELS[name]()
    rows = np.concatenate([sample, edge_rows(model, sample, missing=True)[0], sample * 1e12])
    classifies = hasattr(model, "predict_proba")
    expected = model.predict_proba(rows) if classifies else model.predict(rows)
    found = raw_numbers(boosted_trees(model), rows, classes=classifies)
    assert np.allclose(found.reshape(np.shape(expected)), expected, rtol=1e-6, atol=1e-12)
    if classifies:
        assert (model.classes_[found.argmax(axis=1)] == np.ravel(model.predict(rows))).all()


EXACT = {
    "xgboost": lambda: _xgb("Regressor", n_estimators=60).fit(ROWS, NUMBERS),
    "lightgbm": lambda: _lgbm("Regressor", n_estimators=60).fit(ROWS, NUMBERS),
    "catboost": lambda: _cat("Regressor", iterations=60).fit(ROWS, NUMBERS),
}


@pytest.mark.parametrize("library", EXACT)
def test_sums_are_those_of_the_library_to_the_last_bit(library):
    model = EXACT[library]()
    rows = np.concatenate([ROWS, edge_rows(model, ROWS, missing=True)[0], ROWS * 1e30])
    assert library_of(model) == library
    assert (raw_numbers(boosted_trees(model), rows, classes=False)[:, 0] == model.predict(rows)).all()


FAULTS = {
    "another threshold": lambda tree: replace(tree, threshold=np.nextafter(tree.threshold, np.inf)),
    "another leaf": lambda tree: replace(tree, values=np.nextafter(tree.values, np.inf)),
    "missing goes elsewhere": lambda tree: replace(tree, missing_left=~tree.missing_left),
    "another column": lambda tree: replace(tree, feature=(tree.feature + 1) % 5),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("library", EXACT)
def test_proof_finds_what_is_not_the_model(library, fault):
    trees = boosted_graph.trees_of_graph(model := boosted_trees(EXACT[library]()))
    content = boosted_graph.boosted_graph(model, trees, width=5, classes=False).SerializeToString()
    assert tree_proof.difference(content, trees) is None
    assert tree_proof.difference(content, [FAULTS[fault](trees[0]), *trees[1:]])


@pytest.mark.parametrize(
    "fault", ["equal goes left", "sums in double precision", "zeros are no missing values"]
)
def test_certificate_finds_rules_of_another_library(store, monkeypatch, fault):
    """What converters get wrong: onnxmltools#708, onnxmltools#728, treelite#706."""
    reader = boosted_trees
    changes = {
        "equal goes left": lambda model: replace(
            model,
            trees=[
                replace(
                    t,
                    threshold=np.nextafter(t.threshold.astype(np.float32), np.float32(np.inf)).astype(float),
                )
                for t in model.trees
            ],
        ),
        "sums in double precision": lambda model: replace(model, single=False, base=(0.0,)),
        "zeros are no missing values": lambda model: replace(model, zero_is_missing=False),
    }
    monkeypatch.setattr(
        "app.models.compilation.boosting.boosted_trees.boosted_trees", lambda est: changes[fault](reader(est))
    )
    name = "lightgbm, zeros missing" if fault.startswith("zeros") else "xgboost, two classes"
    model, sample = MODELS[name]()
    metadata = store.metadata(publish(store, model, sample=sample))
    assert metadata["engine"] == "sklearn"
    assert metadata["certificates"]["onnx"]["reason"]


NOT_COMPILED = {
    "gblinear has no trees": lambda: _xgb(booster="gblinear", max_depth=None).fit(
        np.nan_to_num(ROWS), BINARY
    ),
    "binary:hinge has no compiled form": lambda: _xgb(objective="binary:hinge").fit(ROWS, BINARY),
    "linear trees have no compiled form": lambda: _lgbm(linear_tree=True).fit(ROWS, BINARY),
    "cross_entropy_lambda has no compiled form": lambda: _lgbm(
        "Regressor", objective="cross_entropy_lambda"
    ).fit(ROWS, BINARY),
    "categorical features have no compiled form": lambda: _cat(cat_features=["c"]).fit(
        FRAME[["height"]].assign(c=list("abcd") * 100), BINARY
    ),
}


@pytest.mark.parametrize("reason", NOT_COMPILED)
def test_what_has_rules_of_its_own_says_so(reason):
    with pytest.raises(NotCompilable, match=reason):
        boosted_trees(NOT_COMPILED[reason]())


def test_other_estimators_are_left_to_others():
    class XGBMine(type(_xgb())):
        """A subclass may predict otherwise, but its name begins alike."""

    XGBMine.__module__ = "mine"
    assert library_of(XGBMine()) is None
    assert library_of(object()) is None
    assert library_of(as_estimator(MODELS["lightgbm, bare"]()[0])) == "lightgbm"


def test_serving_needs_none_of_the_libraries(store):
    model, sample = MODELS["xgboost, two classes"]()
    version = publish(store, model, sample=sample)
    program = f"""
import sys
for name in ("xgboost", "lightgbm", "catboost", "sklearn"):
    sys.modules[name] = None
from pathlib import Path
from app.models.loading.loader import LoadingOptions, load
from app.models.repository.store import ModelStore
model = load(ModelStore(Path({str(store.root)!r})), {version!r}, LoadingOptions(engine="onnx"))
print(model.engine.name)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("onnx", 0), done.stderr
