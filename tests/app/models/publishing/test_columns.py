"""What is read off a fitted model, and recorded in the metadata of the version saved from it."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from app.exceptions import UnsupportedModel
from app.models.publishing.inspection import inspect_model
from app.models.publishing.publish import publish
from app.models.training.estimators import mixed_pipeline
from tests.estimators import BOXES, INCOME, NAMES, PEOPLE, SumClassifier, SumRegressor, fitted

LABELS = [0, 1] * 10
TEXTS = ["good film", "bad film"] * 10


def signature(model, sample):
    """As the metadata has it."""
    return json.loads(json.dumps(inspect_model(model, sample).signature.to_dict()))


def features(model, sample):
    """What is found out about the input columns, by name."""
    return {feature["name"]: feature for feature in signature(model, sample)["features"]}


def test_numbers_are_taken_as_an_array():
    assert signature(fitted(SumRegressor()), BOXES)["layout"] == "array"


def test_what_is_read_off_is_recorded(store):
    model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    recorded = store.metadata(publish(store, model, sample=PEOPLE))["signature"]
    assert recorded == signature(model, PEOPLE)


def test_named_columns_are_taken_as_a_frame():
    model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    assert signature(model, PEOPLE)["layout"] == "frame"


@pytest.mark.parametrize("sample", [TEXTS, np.array(TEXTS, dtype=object), pd.Series(TEXTS)])
def test_texts_are_taken_as_they_are(sample):
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, LABELS)
    found = signature(model, sample)
    assert found["layout"] == "texts"
    assert [(f["name"], f["kind"]) for f in found["features"]] == [("text", "text")]


def test_series_of_texts_gives_its_name_to_the_column():
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, LABELS)
    assert list(features(model, pd.Series(TEXTS, name="review"))) == ["review"]


def test_text_column_beside_others_is_text():
    frame = BOXES[["height"]].assign(review=TEXTS)
    columns = ColumnTransformer([("n", StandardScaler(), ["height"]), ("t", CountVectorizer(), "review")])
    found = features(make_pipeline(columns, LogisticRegression()).fit(frame, LABELS), frame)
    assert [found[name]["kind"] for name in ("height", "review")] == ["number", "text"]


def test_category_is_closed_where_the_encoder_refuses_others():
    cities = PEOPLE[["city"]]
    encoder = ColumnTransformer([("c", OneHotEncoder(handle_unknown="error"), ["city"])])
    closed = features(make_pipeline(encoder, LogisticRegression()).fit(cities, INCOME), cities)
    assert closed["city"]["open"] is False
    encoder = ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), ["city"])])
    tolerant = features(make_pipeline(encoder, LogisticRegression()).fit(cities, INCOME), cities)
    assert tolerant["city"]["open"] is True


def test_column_may_be_missing_where_the_model_imputes_it():
    rows = BOXES.to_numpy()
    imputing = make_pipeline(SimpleImputer(), LogisticRegression()).fit(rows, LABELS)
    assert all(feature["nullable"] for feature in features(imputing, rows).values())
    plain = LogisticRegression().fit(rows, LABELS)
    assert not any(feature["nullable"] for feature in features(plain, rows).values())


def test_only_the_imputed_column_may_be_missing():
    columns = ColumnTransformer(
        [("i", SimpleImputer(), [0]), ("s", StandardScaler(), slice(1, 3))], remainder="drop"
    )
    model = make_pipeline(columns, LogisticRegression()).fit(BOXES, LABELS)
    found = features(model, BOXES)
    assert {name: feature["nullable"] for name, feature in found.items()} == {
        "height": True,
        "width": False,
        "depth": False,
    }


def test_columns_of_trees_may_be_missing_where_they_were_in_training():
    rows = BOXES.copy()
    rows.loc[0, "height"] = np.nan
    model = HistGradientBoostingClassifier(max_iter=2).fit(rows.to_numpy(), LABELS)
    found = features(model, rows)
    assert (found["height"]["nullable"], found["width"]["nullable"]) == (True, False)


def test_categories_of_boosted_trees_are_columns_by_name():
    frame = pd.DataFrame({"city": pd.Categorical(["Athens", "Berlin"] * 10), "age": np.arange(20.0)})
    model = HistGradientBoostingClassifier(max_iter=2, categorical_features="from_dtype").fit(frame, LABELS)
    assert features(model, frame)["city"]["categories"] == ["Athens", "Berlin"]


def test_whole_numbers_may_be_categories(serve):
    frame = pd.DataFrame({"floor": pd.Series([1, 2, 3, 4] * 5, dtype=object)})
    encoder = ColumnTransformer([("c", OrdinalEncoder(), ["floor"])])
    client = serve(make_pipeline(encoder, LogisticRegression()).fit(frame, LABELS), sample=frame)
    assert client.post("/api/predict", json={"features": [3]}).status_code == 200
    assert client.post("/api/predict", json={"features": [9]}).status_code == 400
    assert client.post("/api/predict", json={"features": [True]}).status_code == 400


def test_classifier_that_is_not_fitted_is_refused(store):
    with pytest.raises(UnsupportedModel, match="SumClassifier is not fitted"):
        publish(store, SumClassifier(), sample=BOXES)


def test_classes_and_probabilities_are_read_off_the_model(store):
    metadata = store.metadata(publish(store, fitted(SumClassifier()), sample=BOXES))
    output = {"task": "classification", "classes": [0, 1], "probabilities": True, "center": [], "spread": []}
    assert metadata["output"] == output | {"targets": [], "scored": False}
    metadata = store.metadata(publish(store, fitted(SumRegressor()), sample=BOXES))
    output = {"task": "regression", "classes": [], "probabilities": False, "center": [15.0], "spread": [15.0]}
    assert metadata["output"] == output | {"targets": [], "scored": False}


def test_columns_of_the_sample_are_names_even_when_they_are_numbers():
    rows = BOXES.set_axis([2024, 2025, 2026], axis="columns")
    assert list(features(fitted(SumRegressor()), rows)) == ["2024", "2025", "2026"]
    assert list(features(fitted(SumRegressor()), BOXES)) == NAMES
