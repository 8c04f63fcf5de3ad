"""The reviewed types of skops files: what people have is read without trust, and what they wrote is not."""

from functools import partial
from importlib import import_module
from pkgutil import resolve_name

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, TunedThresholdClassifierCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, OneHotEncoder, SplineTransformer
from sklearn.svm import LinearSVC

from app.models.untrusted import ImportRefused
from app.models.untrusted.reading import read_estimator
from app.models.untrusted.trusted_types import TRUSTED
from tests.estimators import SumClassifier, fitted

GENERATOR = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"size": GENERATOR.normal(size=60), "kind": pd.Categorical(GENERATOR.choice(["u", "v", "w"], 60))}
)
NUMBERS = GENERATOR.normal(size=(60, 3))
TARGET = np.asarray(FRAME["size"] > 0)
MEMBERS = [("linear", LogisticRegression()), ("forest", RandomForestClassifier(2, random_state=0))]


def encoder(columns):
    return make_column_transformer((OneHotEncoder(), columns), remainder="passthrough")


OF_FRAMES = {
    "one-hot": make_pipeline(encoder(["kind"]), LogisticRegression()),
    "one-hot, selected": make_pipeline(
        encoder(make_column_selector(dtype_include="category")), LogisticRegression()
    ),
    "histogram boosting with categories": HistGradientBoostingClassifier(
        max_iter=2, categorical_features="from_dtype"
    ),
    "search": GridSearchCV(
        make_pipeline(encoder(["kind"]), LogisticRegression()), {"logisticregression__C": [1, 2]}, cv=2
    ),
}
OF_NUMBERS = {
    "random search": RandomizedSearchCV(LogisticRegression(), {"C": [1, 2]}, n_iter=2, cv=2, scoring="f1"),
    "stacking": StackingClassifier(MEMBERS, cv=2),
    "voting": VotingClassifier(MEMBERS),
    "calibration": CalibratedClassifierCV(LinearSVC(), cv=2),
    "isotonic": CalibratedClassifierCV(LogisticRegression(), cv=2, method="isotonic"),
    "threshold": TunedThresholdClassifierCV(LogisticRegression(), cv=2),
    "best columns": make_pipeline(SelectKBest(k=2), LogisticRegression()),
    "kernel": GaussianProcessClassifier(),
    "network": MLPClassifier((3,), max_iter=5),
    "several labels": MultiOutputClassifier(LogisticRegression()),
    "bins": make_pipeline(KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), LogisticRegression()),
    "spline": make_pipeline(SplineTransformer(), LogisticRegression()),
    "function of NumPy": make_pipeline(FunctionTransformer(np.expm1), LogisticRegression()),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*OF_FRAMES, *OF_NUMBERS])
def test_what_people_have_is_read_without_trust(name, tmp_path):
    model, rows = (OF_FRAMES[name], FRAME) if name in OF_FRAMES else (OF_NUMBERS[name], NUMBERS)
    target = np.column_stack([TARGET, ~TARGET]) if name == "several labels" else TARGET
    assert_read(model.fit(rows, target), rows, tmp_path)


@pytest.mark.parametrize(
    ("library", "kind", "options"),
    [
        ("xgboost", "XGBClassifier", {"n_estimators": 3}),
        ("lightgbm", "LGBMClassifier", {"n_estimators": 3, "verbose": -1}),
        ("catboost", "CatBoostClassifier", {"iterations": 3, "verbose": 0, "allow_writing_files": False}),
    ],
)
def test_boosted_trees_are_read_without_trust(library, kind, options, tmp_path):
    model = getattr(pytest.importorskip(library), kind)(**options)
    assert_read(model.fit(NUMBERS, TARGET.astype(int)), NUMBERS, tmp_path)


def assert_read(model, rows, folder):
    skops.io.dump(model, folder / "model.skops")
    loaded = read_estimator(folder / "model.skops", trust=False)
    assert np.array_equal(loaded.predict(rows), model.predict(rows))


@pytest.mark.parametrize("name", TRUSTED)
def test_every_name_is_where_the_list_says(name):
    """What moved would be refused, or be another thing than was reviewed."""
    pytest.importorskip(name.partition(".")[0])
    module, _, last = name.rpartition(".")
    found = getattr(import_module(module), last)
    assert resolve_name(f"{found.__module__}:{found.__qualname__}") is found


def test_a_type_is_trusted_by_its_name_alone(tmp_path):
    skops.io.dump(fitted(SumClassifier()), tmp_path / "model.skops")
    name = "tests.estimators.SumClassifier"
    for types in ((), ("tests.estimators.SumRegressor",)):
        with pytest.raises(ImportRefused, match=rf"does not trust: {name}\. If .* add --trust {name}$"):
            read_estimator(tmp_path / "model.skops", trust=True, types=types)
    loaded = read_estimator(tmp_path / "model.skops", trust=False, types=(name,))
    assert type(loaded) is SumClassifier


def test_a_function_in_a_partial_needs_trust_of_its_own(tmp_path):
    model = FunctionTransformer(partial(np.save, "canary"))
    skops.io.dump(model, tmp_path / "model.skops")
    with pytest.raises(ImportRefused, match=r"numpy\.save"):
        read_estimator(tmp_path / "model.skops", trust=False)
