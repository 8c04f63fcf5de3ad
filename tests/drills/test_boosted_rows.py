"""XGBoost and LightGBM: no label and no number differs, on rows that lie on the trees' own thresholds."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.models.certification.thresholds import edge_rows
from app.models.compilation.boosting import boosted_graph
from app.models.compilation.boosting.boosted_trees import boosted_trees
from app.models.engines.onnx_engine import open_session
from tests.app.models.compilation.boosting.models import _lgbm, _xgb

pytestmark = [pytest.mark.drill, pytest.mark.untimed]

GENERATOR = np.random.default_rng(1)
ROWS = GENERATOR.normal(size=(20_000, 12))
ROWS[GENERATOR.random(ROWS.shape) < 0.05] = np.nan
NUMBERS = np.nan_to_num(ROWS[:, 0]) * 2 + np.nan_to_num(ROWS[:, 1]) ** 2 + GENERATOR.normal(size=len(ROWS))
BINARY = (NUMBERS > 0.8).astype(int)
SEVERAL = np.digitize(NUMBERS, [0.0, 1.5, 3.0])
COUNTS = GENERATOR.poisson(np.exp(np.clip(NUMBERS, -2, 2)))
RANKS = COUNTS.clip(0, 3)
QUERIES = len(ROWS) // 50
TREES = {"n_estimators": 100}
LEAVES = {**TREES, "num_leaves": 31}
POISSON = {"objective": "count:poisson", **TREES}
QUANTILE = {"objective": "reg:quantileerror", "quantile_alpha": 0.9, **TREES}

OBJECTIVES: dict[str, Callable[[], Any]] = {
    "XGBoost, logistic": lambda: _xgb(max_depth=6, **TREES).fit(ROWS, BINARY),
    "XGBoost, softmax": lambda: _xgb(**TREES).fit(ROWS, SEVERAL),
    "XGBoost, squares": lambda: _xgb("Regressor", **TREES).fit(ROWS, NUMBERS),
    "XGBoost, Poisson": lambda: _xgb("Regressor", **POISSON).fit(ROWS, COUNTS),
    "XGBoost, quantile": lambda: _xgb("Regressor", **QUANTILE).fit(ROWS, NUMBERS),
    "XGBoost, ranks": lambda: _xgb("Ranker", **TREES).fit(ROWS, RANKS, qid=np.repeat(range(QUERIES), 50)),
    "LightGBM, logistic": lambda: _lgbm(**LEAVES).fit(ROWS, BINARY),
    "LightGBM, softmax": lambda: _lgbm(**LEAVES).fit(ROWS, SEVERAL),
    "LightGBM, squares": lambda: _lgbm("Regressor", **LEAVES).fit(ROWS, NUMBERS),
    "LightGBM, Poisson": lambda: _lgbm("Regressor", objective="poisson", **LEAVES).fit(ROWS, COUNTS),
    "LightGBM, quantile": lambda: _lgbm("Regressor", objective="quantile", alpha=0.9, **LEAVES).fit(
        ROWS, NUMBERS
    ),
    "LightGBM, ranks": lambda: _lgbm("Ranker", **LEAVES).fit(ROWS, RANKS, group=[50] * QUERIES),
}
PART = 50_000
# onnxruntime gets as many at a time as a request of the service.
BATCH = 1_000


def on_thresholds(model: Any, total: int) -> Iterator[NDArray[np.float64]]:
    """Rows on thresholds, one float to either side, and with NaN; then others with one such number."""
    edges = edge_rows(model, ROWS, missing=True)[0]
    for start in range(0, total, PART):
        part = edges[start : start + PART]
        if len(part) < PART:
            part = ROWS[GENERATOR.integers(0, len(ROWS), min(PART, total - start))].copy()
            columns = GENERATOR.integers(0, ROWS.shape[1], len(part))
            part[np.arange(len(part)), columns] = edges[GENERATOR.integers(0, len(edges), len(part)), columns]
        yield part


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_compiled_trees_answer_as_the_library_does(objective, length, figure):
    model = OBJECTIVES[objective]()
    trees, classifies = boosted_trees(model), hasattr(model, "predict_proba")
    graph = boosted_graph.boosted_graph(
        trees, boosted_graph.trees_of_graph(trees), width=ROWS.shape[1], classes=classifies
    )
    session = open_session(graph.SerializeToString())
    differ, largest, compared = 0, 0.0, 0
    for rows in on_thresholds(model, int(length(PART, 1_000_000))):
        rounded = rows.astype(np.float32).astype(np.float64) if trees.rounded else rows
        batches = (np.ascontiguousarray(rounded[at : at + BATCH]) for at in range(0, len(rows), BATCH))
        found = np.concatenate([session.run(None, {"X": batch})[0] for batch in batches])
        own = model.predict_proba(rows) if classifies else model.predict(rows)[:, None]
        largest = max(largest, float(np.abs(found - own).max() / max(1.0, np.abs(own).max())))
        compared += len(rows)
        if classifies:
            differ += int((model.classes_[found.argmax(axis=1)] != model.predict(rows)).sum())
    measured = f"{differ} labels differ, numbers by at most {largest:.0e}"
    figure("compiled", f"{objective}: {compared:,} rows on thresholds", measured, "0, 1e-06")
    assert differ == 0
    assert largest <= 1e-6
