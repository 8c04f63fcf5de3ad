"""Columns of a ColumnTransformer given as a slice of names."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import Binarizer, StandardScaler

from app.models.compilation.pipeline_preprocessing import compile_preprocessing
from app.models.schema.signature import Feature, InputSignature

NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize("names", [slice("b", "c"), slice("b", None), slice(None, "b")])
def test_a_slice_of_names_includes_its_last_one(names):
    rows = np.random.default_rng(0).normal(size=(50, 4))
    frame = pd.DataFrame(rows, columns=NAMES)
    parts = [("scaled", StandardScaler(), names), ("above", Binarizer(), ["a"])]
    transformer = ColumnTransformer(parts).fit(frame)
    signature = InputSignature(tuple(Feature(name, "number") for name in NAMES), "dataframe")
    found = compile_preprocessing([transformer], signature).apply(rows)
    np.testing.assert_array_equal(found, transformer.transform(frame))
