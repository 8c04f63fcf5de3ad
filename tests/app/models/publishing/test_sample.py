"""The sample is put under the model's own column names, or refused by the names that do not fit."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
from scipy.sparse import csc_array, csr_matrix
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from app.exceptions import UnsupportedModel
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from app.models.publishing.sample import SampleMismatch, sample_frame
from tests.estimators import BOXES, NAMES

LABELS = [0, 1] * 10
NAMED = make_pipeline(StandardScaler(), LogisticRegression()).fit(BOXES, LABELS)
BARE = LogisticRegression().fit(BOXES.to_numpy(), LABELS)


def test_order_of_the_model_beats_that_of_the_sample():
    assert list(sample_frame(NAMED, BOXES[NAMES[::-1]])) == NAMES


def test_dtypes_of_the_sample_stay():
    frame = BOXES.astype({"height": "int32", "width": "float32"})
    assert sample_frame(NAMED, frame).dtypes.tolist() == frame.dtypes.tolist()


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (BOXES.assign(size=LABELS), "has columns that the model was not fitted to: size"),
        (BOXES[["height"]], "lacks columns of the model: width, depth"),
        (
            BOXES.rename(columns={"width": "breadth"}),
            "lacks columns of the model: width and has columns that the model was not fitted to: breadth",
        ),
        (BOXES.to_numpy()[:, :2], "the sample has 2 columns, the model takes 3"),
    ],
    ids=["target too", "missing", "other names", "width"],
)
def test_columns_that_do_not_fit_are_named(sample, reason):
    with pytest.raises(SampleMismatch, match=reason):
        sample_frame(NAMED, sample)


def test_width_is_compared_where_there_are_no_names():
    with pytest.raises(SampleMismatch, match="the sample has 4 columns, the model takes 3"):
        sample_frame(BARE, BOXES.assign(size=LABELS))


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (np.where(np.eye(20, 3) > 0, np.inf, 1.0), "holds infinity, which JSON cannot carry"),
        (BOXES.assign(depth=[np.inf] * 20), "column 'depth' of the sample holds infinity"),
        (BOXES.iloc[:0], "no rows"),
        (np.ones((2, 3, 1)), "3 dimensions"),
        ([[1.0, 2.0, 3.0], [1.0]], "differ in length"),
        ({"height": 1}, "not a dict"),
        (7, "not a int"),
        ("text", "not a str"),
        (BOXES.set_axis(["a", "a", "b"], axis="columns"), "several columns named a"),
        (BOXES.set_axis(pd.MultiIndex.from_product([["x"], NAMES]), axis="columns"), "several levels"),
    ],
)
def test_sample_that_is_none_is_refused_in_a_sentence(sample, reason):
    with pytest.raises(UnsupportedModel, match=reason):
        sample_frame(BARE, sample)


def test_rows_may_come_as_a_list_of_mappings():
    assert list(sample_frame(NAMED, BOXES.to_dict("records"))) == NAMES


@pytest.mark.parametrize("sparse", [csr_matrix(BOXES), csc_array(BOXES.to_numpy())])
def test_sparse_rows_become_dense(sparse):
    np.testing.assert_array_equal(sample_frame(NAMED, sparse), BOXES)


def test_sparse_columns_become_dense():
    frame = sample_frame(NAMED, BOXES.assign(width=pd.arrays.SparseArray(BOXES["width"])))
    pd.testing.assert_frame_equal(frame, BOXES)


def test_a_sparse_sample_that_is_too_large_is_refused():
    with pytest.raises(UnsupportedModel, match="more than 50,000,000 cells"):
        sample_frame(BARE, csr_matrix((100_000, 1_000)))


def test_tables_of_pyarrow_are_read():
    pd.testing.assert_frame_equal(sample_frame(NAMED, pyarrow.Table.from_pandas(BOXES)), BOXES)


def test_frames_of_polars_are_read_with_none_as_their_missing_text():
    cities = ["Athens", None, "Berlin", "Athens"] * 5
    sample = polars.DataFrame({"city": cities, "age": [1, None, 3, 4] * 5})
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(sample[["city"]], LABELS)
    frame = sample_frame(model, sample[["city"]])
    assert frame["city"].tolist() == cities
    np.testing.assert_array_equal(model.predict(frame), model.predict(sample[["city"]]))
    assert sample_frame(DummyClassifier().fit(sample, LABELS), sample)["age"].isna().sum() == 5


def test_a_frame_that_cannot_become_one_of_pandas_is_refused_with_its_reason():
    class Frame:
        def to_pandas(self):
            raise ModuleNotFoundError("pyarrow is needed")

    with pytest.raises(UnsupportedModel, match="ModuleNotFoundError: pyarrow is needed"):
        sample_frame(BARE, Frame())


def test_decimals_are_numbers(store):
    frame = BOXES.map(lambda cell: Decimal(repr(float(cell))))
    model = DecisionTreeClassifier().fit(frame, LABELS)
    version = publish(store, model, sample=frame)
    engine = load(store, version, LoadingOptions()).engine
    np.testing.assert_array_equal(engine.predict(BOXES.to_numpy(dtype=float)).values, LABELS)
