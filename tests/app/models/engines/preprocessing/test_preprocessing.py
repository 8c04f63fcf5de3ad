"""What runs in place of scikit-learn's transformers gives their output, bit for bit, also from JSON."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from app.models.compilation import NotCompilable
from app.models.compilation.pipeline_preprocessing import compile_preprocessing, split
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.publishing.columns import as_rows
from app.models.publishing.inspection import inspect_model
from app.models.publishing.sample import sample_frame

GENERATOR = np.random.default_rng(0)
NUMBERS = GENERATOR.normal(size=(300, 4)) * [1e-5, 1.0, 1e3, 1e7] + [0.0, 5.0, -1e3, 1e7]
TARGET = GENERATOR.integers(0, 2, 300)
PEOPLE = pd.DataFrame(
    {
        "age": np.where(GENERATOR.random(300) < 0.1, np.nan, GENERATOR.normal(40, 10, 300)),
        "city": np.where(
            GENERATOR.random(300) < 0.1, None, GENERATOR.choice(["Athens", "Berlin", "Cairo"], 300)
        ),
        "plan": GENERATOR.choice(["free", "paid"], 300),
    }
).astype({"city": object, "plan": object})
TEXTS = np.array(["a good film", "not a good film", "bad bad plot", "ÀÉ naïve", ""] * 60, dtype=object)


def prepared_both_ways(transformer: Any, sample: Any) -> tuple[Any, Any]:
    """What scikit-learn hands to the estimator, and what the preprocessor does after a trip through JSON."""
    pipeline = make_pipeline(transformer, DecisionTreeClassifier()).fit(sample, TARGET)
    signature = inspect_model(pipeline, sample).signature
    compiled = compile_preprocessing(split(pipeline)[0], signature)
    restored = Preprocessor.from_dict(json.loads(json.dumps(compiled.to_dict())))
    expected = pipeline[:-1].transform(sample)
    dense = expected.toarray() if hasattr(expected, "toarray") else np.asarray(expected)
    return dense, restored.apply(as_rows(sample_frame(pipeline, sample), signature))


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        MinMaxScaler(),
        MinMaxScaler((0.2, 0.7), clip=True),
        MaxAbsScaler(),
        RobustScaler(),
        PolynomialFeatures(3),
        PolynomialFeatures(3, interaction_only=True, include_bias=False),
        SelectKBest(k=2),
        make_pipeline(StandardScaler(), PolynomialFeatures(), MinMaxScaler()),
    ],
    ids=str,
)
def test_numbers_are_prepared_bit_for_bit(transformer: Any) -> None:
    expected, got = prepared_both_ways(transformer, NUMBERS)
    assert expected.tobytes() == np.ascontiguousarray(got).tobytes()


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(drop="first", handle_unknown="ignore"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
    ],
    ids=str,
)
def test_columns_of_a_table_are_prepared_bit_for_bit(encoder: Any) -> None:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    imputed = make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), encoder)
    columns = ColumnTransformer([("labels", imputed, ["city", "plan"]), ("numbers", numbers, ["age"])])
    expected, got = prepared_both_ways(columns, PEOPLE)
    assert expected.tobytes() == np.ascontiguousarray(got).tobytes()


@pytest.mark.parametrize(
    "vectorizer",
    [
        CountVectorizer(),
        CountVectorizer(binary=True, ngram_range=(2, 3)),
        TfidfVectorizer(),
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), stop_words="english"),
        TfidfVectorizer(norm="l1", use_idf=False),
        TfidfVectorizer(norm=None, lowercase=False, max_features=4),
    ],
    ids=str,
)
def test_texts_are_counted_bit_for_bit(vectorizer: Any) -> None:
    expected, got = prepared_both_ways(vectorizer, TEXTS)
    assert expected.astype(float).tobytes() == np.ascontiguousarray(got).tobytes()


@pytest.mark.parametrize(
    ("transformer", "sample"),
    [
        (SimpleImputer(missing_values=7.0, add_indicator=True), NUMBERS),
        (TfidfVectorizer(tokenizer=str.split, token_pattern=None), TEXTS),
    ],
    ids=str,
)
def test_what_has_no_compiled_form_is_refused_by_name(transformer: Any, sample: Any) -> None:
    with pytest.raises(NotCompilable, match=type(transformer).__name__):
        prepared_both_ways(transformer, sample)
