import hashlib
from importlib.metadata import version as installed

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from app.exceptions import UnsupportedModel
from app.models.publishing.publish import publish
from app.models.training.estimators import mixed_pipeline
from tests.estimators import BOXES, INCOME, NAMES, PEOPLE, SumClassifier, SumRegressor, fitted

LABELS = [0, 1] * 10


def saved(store, *arguments, **options):
    return store.metadata(publish(store, *arguments, **options))


def test_metadata_says_all_that_serving_needs_to_know(store):
    metadata = saved(
        store,
        fitted(SumClassifier()),
        StandardScaler().fit(BOXES.to_numpy()),
        {"metrics": {"accuracy": np.float64(0.5)}, "note": "mine"},
        sample=BOXES,
        version="v1",
    )
    assert metadata["version"] == "v1"
    assert metadata["model_type"] == "SumClassifier"
    assert metadata["metrics"] == {"accuracy": 0.5}
    assert metadata["note"] == "mine"
    assert (metadata["feature_names"], metadata["n_features"]) == (NAMES, 3)
    assert (metadata["classes"], metadata["n_classes"]) == ([0, 1], 2)
    assert metadata["libraries"]["scikit-learn"] == installed("scikit-learn")
    assert metadata["libraries"]["numpy"] == installed("numpy")
    assert set(metadata["files"]) == {"model.pkl", "scaler.pkl"}
    for name, recorded in metadata["files"].items():
        content = (store.root / "model_v1" / name).read_bytes()
        assert recorded == {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def test_nothing_but_the_version_is_left_in_the_store(store):
    model = RandomForestClassifier(5, random_state=0).fit(BOXES, LABELS[: len(BOXES)])
    publish(store, model, sample=BOXES, version="v1")
    assert sorted(path.name for path in store.root.iterdir()) == [".lock", "model_v1"]
    assert sorted(path.name for path in store.folder("v1").iterdir()) == [
        "metadata.json",
        "model.onnx",
        "model.pkl",
        "model.trees",
        "preprocessing.json",
    ]


def test_training_statistics_are_kept_per_feature(store):
    height, *_ = saved(store, fitted(SumRegressor()), sample=BOXES)["signature"]["features"]
    statistics = height["statistics"]
    assert {key: statistics[key] for key in ("count", "missing", "min", "max", "mean", "std")} == {
        "count": 20,
        "missing": 0,
        "min": 0.0,
        "max": 10.0,
        "mean": 5.0,
        "std": 5.0,
    }
    assert statistics["quantiles"]["0.5"] == 5.0


def test_frequencies_are_kept_of_categories(store):
    pipeline = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    age, city = saved(store, pipeline, sample=PEOPLE)["signature"]["features"]
    assert age["statistics"]["missing"] == 10
    assert city["statistics"]["frequencies"] == {"Athens": 20, "Berlin": 10, "Cairo": 10}


def test_what_json_cannot_hold_is_kept_as_text(store):
    metadata = saved(
        store,
        fitted(SumRegressor()),
        metadata={
            "loss": float("inf"),
            "kind": SumRegressor,
            "sizes": (np.int64(1), 2),
            3: {"a": np.ones(2)},
        },
        sample=BOXES,
    )
    assert metadata["loss"] == "inf"
    assert "SumRegressor" in metadata["kind"]
    assert metadata["sizes"] == [1, 2]
    assert metadata["3"] == {"a": [1.0, 1.0]}


def test_importance_of_a_tree_is_by_feature(store):
    data = np.array([[0, 5, 5], [1, 5, 5]] * 10, dtype=float)
    metadata = saved(
        store, DecisionTreeClassifier().fit(data, LABELS), metadata={"feature_names": NAMES}, sample=data
    )
    assert metadata["feature_importance"] == {"height": 1.0, "width": 0.0, "depth": 0.0}


def test_importance_of_a_linear_model_is_the_size_of_its_coefficients(store):
    data = np.random.default_rng(0).normal(size=(50, 2))
    metadata = saved(store, LinearRegression().fit(data, data @ [3.0, -4.0]), sample=data)
    assert metadata["feature_importance"] == pytest.approx({"feature_0": 3.0, "feature_1": 4.0})


def test_names_come_from_the_fitted_model_when_it_has_them(store):
    forest = RandomForestClassifier(n_estimators=2, random_state=0).fit(BOXES, LABELS)
    assert saved(store, forest, sample=BOXES.to_numpy())["feature_names"] == NAMES


def test_names_are_numbered_when_nobody_gave_any(store):
    metadata = saved(store, fitted(SumRegressor()), sample=BOXES.to_numpy())
    assert metadata["feature_names"] == ["feature_0", "feature_1", "feature_2"]


def test_model_may_be_saved_without_a_sample(store):
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(BOXES.to_numpy() + 1000, LABELS)
    metadata = saved(store, pipeline)
    assert metadata["n_features"] == 3
    assert all(feature["statistics"] == {} for feature in metadata["signature"]["features"])
    # The rows to replay lie where the scaler saw its data.
    assert np.mean(metadata["golden"]["rows"]) == pytest.approx(1005, abs=5)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (DBSCAN().fit(BOXES), "a DBSCAN has neither a predict nor a transform method"),
        (RandomForestClassifier(), "sample of the training data|not fitted"),
    ],
    ids=["neither", "not fitted"],
)
def test_model_that_cannot_be_served_is_refused(store, model, reason):
    with pytest.raises(UnsupportedModel, match=reason):
        publish(store, model)
    assert store.versions() == []


def test_pipeline_of_named_columns_needs_a_sample(store):
    pipeline = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    with pytest.raises(UnsupportedModel, match="sample of the training data"):
        publish(store, pipeline)


def test_column_of_dates_is_refused_by_name(store):
    dates = pd.date_range("2026-01-01", periods=len(PEOPLE)).astype(object)
    frame = PEOPLE.assign(when=dates)
    with pytest.raises(UnsupportedModel, match="column 'when' holds a Timestamp"):
        publish(store, mixed_pipeline(frame, LogisticRegression()).fit(frame, INCOME), sample=frame)
    assert store.versions() == []
