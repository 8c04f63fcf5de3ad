"""Encoders and indicators of missing values without scikit-learn, bit for bit."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.transformer_steps import label_step, number_step
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from app.models.schema.rows import Table

pytestmark = pytest.mark.filterwarnings("ignore:Found unknown")
GENERATOR = np.random.default_rng(0)
NUMBERS = GENERATOR.poisson(1.5, size=(300, 2)).astype(float)
HOLES = np.where(GENERATOR.random(NUMBERS.shape) < 0.1, np.nan, NUMBERS)
LABELS = np.array(["a", "b", "c", "dd", "e", None], dtype=object)[
    np.minimum(GENERATOR.poisson(1.5, size=(300, 2)), 5)
]
UNSEEN_NUMBERS = np.array([[99.0, 0.0], [0.5, -1.0]])
UNSEEN_LABELS = np.array([["zz", "a"], ["", None]], dtype=object)
TARGET = GENERATOR.integers(0, 3, 300)

OPEN = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=30),
    OneHotEncoder(handle_unknown="infrequent_if_exist"),
    OneHotEncoder(handle_unknown="ignore", max_categories=3, sparse_output=False),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=30),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=-2),
    TargetEncoder(random_state=0),
]
CLOSED = [
    OneHotEncoder(),
    OneHotEncoder(drop="first"),
    OneHotEncoder(min_frequency=30),
    OrdinalEncoder(max_categories=3),
]


def read_back(step):
    """The step, as it is read back from a version's files."""
    return Preprocessor.from_dict(json.loads(json.dumps(Preprocessor(steps=(step,)).to_dict()))).steps[0]


def same(found, expected):
    expected = expected.toarray() if hasattr(expected, "toarray") else expected
    np.testing.assert_array_equal(found, np.asarray(expected, dtype=float))


@pytest.mark.parametrize("encoder", [*OPEN, *CLOSED], ids=str)
@pytest.mark.parametrize("sample", [NUMBERS, HOLES, NUMBERS.astype(int)], ids=["numbers", "holes", "whole"])
def test_numbers_that_are_categories(encoder, sample):
    encoder.fit(sample, TARGET)
    rows = sample.astype(float)
    if encoder in OPEN:
        rows = np.vstack([rows, UNSEEN_NUMBERS[:1]])
    same(read_back(number_step(encoder)).apply(rows), encoder.transform(rows))


@pytest.mark.parametrize("encoder", [*OPEN, *CLOSED], ids=str)
def test_labels(encoder):
    encoder.fit(LABELS, TARGET)
    rows = np.vstack([LABELS, UNSEEN_LABELS]) if encoder in OPEN else LABELS
    same(read_back(label_step(encoder)).apply(list(rows.T)), encoder.transform(rows))


@pytest.mark.parametrize(
    "target", [TARGET, TARGET == 1, GENERATOR.normal(size=300)], ids=["3", "2", "numbers"]
)
def test_means_of_every_kind_of_target(target):
    encoder = TargetEncoder(random_state=0).fit(LABELS, target)
    rows = np.vstack([LABELS, UNSEEN_LABELS])
    same(read_back(label_step(encoder)).apply(list(rows.T)), encoder.transform(rows))


@pytest.mark.parametrize("encoder", CLOSED, ids=str)
def test_unseen_labels_are_left_to_the_original_which_raises(encoder):
    step = label_step(encoder.fit(LABELS))
    with pytest.raises(ValueError, match="unknown"):
        encoder.transform(UNSEEN_LABELS)
    with pytest.raises(NotCovered):
        step.apply(list(UNSEEN_LABELS.T))


@pytest.mark.parametrize(
    "encoder",
    [OneHotEncoder(drop="first", min_frequency=30), OneHotEncoder(handle_unknown="warn", min_frequency=30)],
    ids=str,
)
def test_what_has_no_compiled_form_is_named(encoder):
    with pytest.raises(NotCompilable, match="OneHotEncoder"):
        label_step(encoder.fit(LABELS))


@pytest.mark.parametrize(
    "transformer",
    [
        SimpleImputer(add_indicator=True),
        SimpleImputer(strategy="median", add_indicator=True),
        MissingIndicator(),
        MissingIndicator(features="all"),
    ],
    ids=str,
)
def test_missing_numbers_are_marked(transformer):
    same(read_back(number_step(transformer.fit(HOLES))).apply(HOLES), transformer.transform(HOLES))


def test_an_indicator_leaves_holes_in_other_columns_to_the_original_which_raises():
    half = HOLES.copy()
    half[:, 1] = 0.0
    strict, lenient = MissingIndicator().fit(half), SimpleImputer(add_indicator=True).fit(half)
    with pytest.raises(ValueError, match="missing values"):
        strict.transform(HOLES)
    with pytest.raises(NotCovered):
        number_step(strict).apply(HOLES)
    same(number_step(lenient).apply(HOLES), lenient.transform(HOLES))


@pytest.mark.filterwarnings("ignore:`TargetEncoder")
@pytest.mark.parametrize("encoder", [OPEN[2], OPEN[5], OPEN[7]], ids=str)
def test_pipelines_are_certified(encoder, store):
    people = pd.DataFrame(np.where(LABELS == None, "none", LABELS), columns=["city", "plan"])  # noqa: E711
    columns = make_column_transformer((encoder, ["city", "plan"]))
    model = make_pipeline(columns, LogisticRegression()).fit(people, TARGET)
    version = publish(store, model, sample=people)
    assert store.metadata(version)["engine"] == "onnx"
    serve = load(store, version, LoadingOptions(engine="onnx")).engine
    unseen = people.map(lambda label: {"e": "new"}.get(label, label))
    rows = Table(("city", "plan"), tuple(unseen[name].to_numpy(dtype=object) for name in unseen))
    np.testing.assert_array_equal(serve.predict(rows).values, model.predict(unseen))


@pytest.mark.filterwarnings("ignore:`TargetEncoder")
@pytest.mark.parametrize("encoder", [OPEN[0], OPEN[6], OPEN[7]], ids=str)
def test_arrays_of_labels_are_certified_with_none_as_a_label(encoder, store):
    model = make_pipeline(encoder, DecisionTreeClassifier(max_depth=4)).fit(LABELS, TARGET)
    version = publish(store, model, sample=LABELS)
    assert store.metadata(version)["engine"] == "onnx"
    served = load(store, version, LoadingOptions(engine="onnx"))
    rows = np.vstack([LABELS, UNSEEN_LABELS])
    found = served.engine.predict(Table(("feature_0", "feature_1"), tuple(rows.T))).values
    np.testing.assert_array_equal(found, model.predict(rows))
