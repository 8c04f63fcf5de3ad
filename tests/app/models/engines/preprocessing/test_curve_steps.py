"""Transformers of single columns of numbers without scikit-learn, bit for bit."""

from functools import partial

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
)

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.transformer_steps import number_step
from app.models.engines.kernel import LARGEST
from app.models.engines.preprocessing.curve_steps import FUNCTIONS
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish

GENERATOR = np.random.default_rng(0)
ROWS = np.exp(GENERATOR.normal(size=(300, 3)))
ROWS[:60, 1] = 2.0  # quantiles that are equal
FAR = np.vstack([ROWS, ROWS * 3 - 4, np.nextafter(ROWS, 9), [[0.0, -0.0, 1e-300], [1e3, -1e3, 4.0]]])
MISSING = np.where(GENERATOR.random(FAR.shape) < 0.1, np.nan, FAR)

WITHOUT_MISSING = [
    *(KBinsDiscretizer(5, encode=encode) for encode in ("ordinal", "onehot", "onehot-dense")),
    KBinsDiscretizer(7, encode="ordinal", strategy="kmeans"),
    *(SplineTransformer(extrapolation=outside) for outside in ("constant", "linear", "continue", "periodic")),
    *(SplineTransformer(degree=degree, n_knots=4, extrapolation="linear") for degree in (2, 4)),
    SplineTransformer(degree=1),
    SplineTransformer(knots="quantile", include_bias=False),
]
WITH_MISSING = [
    PowerTransformer(),
    PowerTransformer(standardize=False),
    QuantileTransformer(n_quantiles=50),
    QuantileTransformer(n_quantiles=50, output_distribution="normal"),
    SplineTransformer(handle_missing="zeros"),
]


def compiled(transformer):
    """Its step, as it is read back from a version's files."""
    document = Preprocessor(steps=(number_step(transformer),)).to_dict()
    return Preprocessor.from_dict(document)


def same(found, expected):
    expected = expected.toarray() if hasattr(expected, "toarray") else expected
    np.testing.assert_array_equal(found, expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("transformer", [*WITHOUT_MISSING, *WITH_MISSING], ids=str)
def test_numbers_are_the_originals(transformer):
    transformer.fit(ROWS)
    same(compiled(transformer).apply(FAR), transformer.transform(FAR))
    same(compiled(transformer).apply(FAR[:1]), transformer.transform(FAR[:1]))


@pytest.mark.parametrize("transformer", WITH_MISSING, ids=str)
def test_missing_numbers_are_the_originals(transformer):
    transformer.fit(ROWS)
    same(compiled(transformer).apply(MISSING), transformer.transform(MISSING))


@pytest.mark.parametrize("transformer", WITHOUT_MISSING, ids=str)
def test_missing_numbers_are_left_to_the_original_which_raises(transformer):
    with pytest.raises(NotCovered):
        compiled(transformer.fit(ROWS)).apply(MISSING)


def test_powers_of_positive_numbers():
    transformer = PowerTransformer("box-cox").fit(ROWS)
    positive = np.abs(FAR[:-2]) + 1e-300
    same(compiled(transformer).apply(positive), transformer.transform(positive))
    with pytest.raises(NotCovered):
        compiled(transformer).apply(FAR)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_numpy(name):
    transformer = FunctionTransformer(getattr(np, name))
    rows = np.clip(ROWS, 0, 30)
    same(compiled(transformer).apply(rows), transformer.fit_transform(rows))


@pytest.mark.parametrize(
    ("name", "number"), [("log", 0.0), ("sqrt", -1.0), ("reciprocal", 1e-300), ("exp", 40.0)]
)
def test_numbers_that_leave_the_range_are_left_to_the_original(name, number):
    with pytest.raises(NotCovered):
        compiled(FunctionTransformer(getattr(np, name))).apply(np.array([[1.0, number]]))


def double(rows):
    return rows * 2


@pytest.mark.parametrize(
    "transformer",
    [
        FunctionTransformer(double),
        FunctionTransformer(lambda rows: rows),
        FunctionTransformer(partial(np.add, 1.0)),
        FunctionTransformer(np.round, kw_args={"decimals": 1}),
        FunctionTransformer(np.log, kw_args={"dtype": np.float32}),
    ],
)
def test_other_functions_are_not_compiled(transformer):
    with pytest.raises(NotCompilable, match="FunctionTransformer of"):
        number_step(transformer)


@pytest.mark.parametrize("degree", [0, 1])
def test_straight_splines_whose_columns_differ_are_not_compiled(degree):
    transformer = SplineTransformer(degree=degree, extrapolation="linear").fit(ROWS)
    with pytest.raises(NotCompilable, match="degree below 2"):
        number_step(transformer)


def test_a_spline_that_refuses_other_numbers_leaves_them():
    transformer = SplineTransformer(extrapolation="error").fit(ROWS)
    same(compiled(transformer).apply(ROWS), transformer.transform(ROWS))
    with pytest.raises(NotCovered):
        compiled(transformer).apply(FAR)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "last", [LogisticRegression(), RandomForestClassifier(5), HistGradientBoostingClassifier()]
)
@pytest.mark.parametrize(
    "transformer",
    [
        FunctionTransformer(np.log),
        PowerTransformer(),
        QuantileTransformer(n_quantiles=20),
        SplineTransformer(),
    ],
    ids=str,
)
def test_pipelines_are_certified_and_answer_as_the_model(transformer, last, store):
    classes = (ROWS[:, 0] * ROWS[:, 2] > 1).astype(int)
    model = make_pipeline(transformer, last).fit(ROWS, classes)
    version = publish(store, model, sample=ROWS)
    assert store.metadata(version)["engine"] == "onnx"
    engine = load(store, version, LoadingOptions(engine="onnx")).engine
    positive = np.clip(np.abs(FAR), 1e-9, LARGEST)
    np.testing.assert_array_equal(engine.predict(positive).values, model.predict(positive))


def test_bins_whose_codes_have_no_inverse_are_certified(store):
    """The edges of the trees are no one-hot rows, which the inverse refuses."""
    classes = (ROWS[:, 0] * ROWS[:, 2] > 1).astype(int)
    model = make_pipeline(KBinsDiscretizer(4), RandomForestClassifier(5)).fit(ROWS, classes)
    version = publish(store, model, sample=ROWS)
    assert store.metadata(version)["engine"] == "onnx"
