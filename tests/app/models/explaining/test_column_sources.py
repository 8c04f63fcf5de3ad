"""The source of each transformed column: the only one of the caller's columns that changes it."""

import numpy as np
import pandas as pd
import pytest
from sklearn import feature_selection, impute, linear_model, preprocessing
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union

from app.models.compilation.pipeline_preprocessing import steps_of_transformer
from app.models.explaining.column_sources import CONSTANT, MixesColumns, column_sources, listed

N = 60
RANDOM = np.random.default_rng(0)
NUMBERS = pd.DataFrame(RANDOM.normal(size=(N, 3)) + 3.0, columns=["a", "b", "c"])
HOLES = NUMBERS.mask(RANDOM.random(NUMBERS.shape) < 0.2).assign(c=NUMBERS["c"])
LABELS = pd.DataFrame(
    {
        "k": RANDOM.choice(["x", "y", "z", "rare"], N, p=[0.4, 0.3, 0.25, 0.05]),
        "l": RANDOM.choice(["u", "v"], N),
    }
)
TEXTS = NUMBERS.assign(t=RANDOM.choice(["so good", "bad", "good and bad"], N), l=LABELS["l"])
TARGET = RANDOM.integers(0, 3, N)

SCALED = preprocessing.StandardScaler()
TRANSFORMERS = {
    "scaler": (SCALED, NUMBERS),
    "power": (preprocessing.PowerTransformer(), NUMBERS),
    "quantiles": (preprocessing.QuantileTransformer(n_quantiles=10), NUMBERS),
    "function": (preprocessing.FunctionTransformer(np.log), NUMBERS),
    "imputer": (impute.SimpleImputer(add_indicator=True), HOLES),
    "imputer of an empty column": (impute.SimpleImputer(), HOLES.assign(b=np.nan)),
    "indicator": (impute.MissingIndicator(), HOLES),
    "bins": (preprocessing.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), NUMBERS),
    "codes of bins": (
        preprocessing.KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"),
        NUMBERS,
    ),
    "splines": (preprocessing.SplineTransformer(), NUMBERS),
    "one hot": (preprocessing.OneHotEncoder(), LABELS),
    "one hot, infrequent": (preprocessing.OneHotEncoder(min_frequency=10), LABELS),
    "one hot, dropped": (preprocessing.OneHotEncoder(drop="first"), LABELS),
    "ordinal": (preprocessing.OrdinalEncoder(), LABELS),
    "target means": (preprocessing.TargetEncoder(), LABELS),
    "selection": (feature_selection.SelectKBest(k=2), NUMBERS),
    "elimination": (feature_selection.RFE(linear_model.Ridge(), n_features_to_select=2), NUMBERS),
    "nested": (
        make_pipeline(
            make_column_transformer(
                (make_pipeline(impute.SimpleImputer(), preprocessing.SplineTransformer()), ["c", "a"]),
                (preprocessing.OneHotEncoder(), ["l"]),
                (CountVectorizer(), "t"),
                remainder="passthrough",
            ),
            preprocessing.MaxAbsScaler(),
            feature_selection.SelectKBest(k=9),
        ),
        TEXTS,
    ),
    "columns by position, mask, slice and type": (
        ColumnTransformer(
            [
                ("position", SCALED, [-3]),
                ("mask", "passthrough", [False, True, False, False, False]),
                ("slice", preprocessing.RobustScaler(), slice("a", "b")),
                ("type", preprocessing.OneHotEncoder(), make_column_selector("l")),
                ("dropped", "drop", ["t"]),
                ("none", SCALED, []),
            ]
        ),
        TEXTS,
    ),
    "union": (
        make_union(SCALED, "passthrough", "drop", feature_selection.SelectKBest(k=1)),
        NUMBERS,
    ),
    "bins of one selected column in a union": (
        FeatureUnion(
            [
                ("all", SCALED),
                ("one", make_pipeline(feature_selection.SelectKBest(k=1), preprocessing.SplineTransformer())),
            ]
        ),
        NUMBERS,
    ),
}


def sources_of(transformer, rows):
    found = transformer.transform(rows)
    sources = column_sources(steps_of_transformer(transformer)[0], rows.shape[1])
    return listed(sources, found.shape[1])


def dense(found):
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=float)


@pytest.mark.parametrize(("transformer", "rows"), TRANSFORMERS.values(), ids=TRANSFORMERS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_another_column_than_the_source_changes_nothing(transformer, rows):
    transformer.fit(rows, TARGET)
    before, sources = dense(transformer.transform(rows)), np.array(sources_of(transformer, rows))
    used = set()
    for position, name in enumerate(rows):
        other = rows.assign(**{name: np.roll(rows[name].to_numpy(), 7)})
        same = np.isclose(dense(transformer.transform(other)), before, equal_nan=True).all(axis=0)
        assert set(sources[~same].tolist()) <= {position}
        used |= set(sources[~same].tolist())
    assert used == set(sources.tolist())


def test_a_column_of_ones_has_no_source():
    rows = NUMBERS[["a"]]
    expansion = preprocessing.PolynomialFeatures(3).fit(rows)
    assert sources_of(expansion, rows) == [CONSTANT, 0, 0, 0]


def test_a_custom_transformer_of_one_column_is_no_riddle():
    rows = NUMBERS[["b"]]
    transformer = preprocessing.FunctionTransformer(lambda x: np.hstack((x, x > 3, x**2)))
    assert sources_of(transformer.fit(rows), rows) == [0, 0, 0]


@pytest.mark.parametrize(
    "transformer",
    [
        preprocessing.FunctionTransformer(lambda x: x),
        preprocessing.PolynomialFeatures(),
        preprocessing.Normalizer(),
        make_pipeline(SCALED, impute.KNNImputer()),
    ],
    ids=["function of one's own", "products", "norm", "neighbours"],
)
def test_what_mixes_columns_is_named(transformer):
    transformer.fit(NUMBERS)
    last = transformer[-1] if hasattr(transformer, "steps") else transformer
    with pytest.raises(MixesColumns, match=type(last).__name__) as caught:
        sources_of(transformer, NUMBERS)
    assert caught.value.step == (1 if hasattr(transformer, "steps") else 0)
