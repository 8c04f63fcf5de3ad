"""Models of XGBoost, LightGBM and CatBoost, and what wraps them."""

from collections.abc import Iterator
from typing import Any

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.models.compilation.boosting.booster_files import as_estimator
from tests.app.models.compilation.boosting.models import BINARY, MODELS, ROWS, _lgbm, _xgb
from tests.conformance.case import Brought, Case

HELD_OUT = 100


def boosted() -> Iterator[Case]:
    """Every model of the tests of compilation, a search and a pipeline."""
    for name, make in MODELS.items():
        yield Case(f"boosted: {name}", lambda make=make: _brought(*make()))  # type: ignore[misc] # a default
    search = {"max_depth": [2, 3]}
    yield Case(
        "boosted: search of xgboost",
        lambda: _brought(GridSearchCV(_xgb(), search, cv=2).fit(ROWS, BINARY), ROWS),
    )
    yield Case(
        "boosted: scaler and lightgbm",
        lambda: _brought(make_pipeline(StandardScaler(), _lgbm()).fit(ROWS, BINARY), ROWS),
    )


def _brought(model: Any, sample: Any) -> Brought:
    return Brought(as_estimator(model), sample[HELD_OUT:], sample[:HELD_OUT])
