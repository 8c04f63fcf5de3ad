"""The sample is put under the model's own column names, or refused by the names that do not fit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.exceptions import UnsupportedModel
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
