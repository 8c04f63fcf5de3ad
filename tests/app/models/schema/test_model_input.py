"""Rows come back in the form in which the model was fitted."""

import numpy as np
import pandas as pd
import pytest

from app.models.publishing.columns import as_rows
from app.models.publishing.forms import input_signature
from app.models.schema.model_input import restore
from app.models.schema.rows import to_lists
from app.models.schema.signature import Feature, InputSignature
from app.models.schema.validation import validate_rows


class Anything:
    """Predicts the same for every row, whatever it is."""

    def predict(self, rows):
        return np.zeros(len(rows))


COLUMNS = {
    "float64": pd.Series([1.5, 2.0]),
    "float with holes": pd.Series([1.5, np.nan]),
    "float32": pd.Series([0.1, 2.0], dtype="float32"),
    "int64": pd.Series([1, 2]),
    "int8": pd.Series([1, -2], dtype="int8"),
    "uint16": pd.Series([1, 2], dtype="uint16"),
    "bool": pd.Series([True, False]),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "Int64": pd.Series([1, None], dtype="Int64"),
    "Float64": pd.Series([1.5, None], dtype="Float64"),
    "objects of text": pd.Series(["a", "b"], dtype=object),
    "objects with None": pd.Series(["a", None], dtype=object),
    "objects with NaN": pd.Series(["a", np.nan], dtype=object),
    "objects of whole numbers": pd.Series([1, 2], dtype=object),
    "objects of numbers": pd.Series([1.5, 2.0], dtype=object),
    "objects of truth values": pd.Series([True, None], dtype=object),
    "objects of several kinds": pd.Series(["a", 3], dtype=object),
    "str": pd.Series(["a", "b"], dtype="str"),
    "string": pd.Series(["a", None], dtype="string"),
    "category": pd.Series(["a", "b"], dtype="category"),
    "category of numbers": pd.Series(pd.Categorical([3, 1], categories=[1, 2, 3], ordered=True)),
    "category with holes": pd.Series(pd.Categorical(["a", None], categories=["b", "a"])),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_frame_comes_back_with_its_dtypes_after_a_trip_through_json(column):
    frame = pd.DataFrame({"it": column, "other": [1.0, 2.0]})
    signature = input_signature(Anything(), frame)
    signature = InputSignature(
        tuple(Feature(**{**vars(f), "nullable": True}) for f in signature.features), "frame"
    )
    signature = InputSignature.from_dict(signature.to_dict())
    rows = validate_rows(to_lists(as_rows(frame, signature)), signature)
    restored = restore(rows, signature)
    pd.testing.assert_frame_equal(restored, frame, check_exact=True)
    for found, known in zip(restored["it"], frame["it"], strict=True):
        assert type(found) is type(known)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.array([[1, 2], [3, 4]]),
        np.array([[1, 2], [3, 4]], dtype=np.float32),
        np.array([[True, False], [False, True]]),
        np.array([["a", "b"], ["c", "d"]]),
        np.array([["a", 1.5], ["c", 2.5]], dtype=object),
    ],
    ids=["float64", "int64", "float32", "bool", "text", "objects"],
)
def test_array_comes_back_with_its_dtype(array):
    frame = pd.DataFrame(array, columns=["x", "y"])
    signature = input_signature(Anything(), frame, array=True)
    restored = restore(as_rows(frame, signature), signature)
    assert restored.dtype.kind == array.dtype.kind
    assert restored.tolist() == array.tolist()


def test_column_that_is_not_whole_stays_what_it_is():
    signature = InputSignature((Feature("x", "number", dtype="int64"),), "array")
    assert restore(np.array([[1.5]]), signature).tolist() == [[1.5]]


def test_number_beyond_the_dtype_is_not_wrapped_around():
    signature = InputSignature((Feature("x", "number", dtype="int8"),), "array")
    assert restore(np.array([[300.0]]), signature).tolist() == [[300]]


def test_names_that_are_numbers_come_back_as_numbers():
    signature = InputSignature((Feature("7", "number"), Feature("3", "number")), "frame", (7, 3))
    assert list(restore(np.ones((1, 2)), signature).columns) == [7, 3]


def kinds(feature, *values):
    signature = InputSignature((feature, Feature("y", "category", categories=("a",))), "frame")
    rows = validate_rows([[value, "a"] for value in values], signature)
    return list(rows.columns[0])


def test_truth_values_are_taken_in_either_form():
    assert kinds(Feature("x", "boolean", dtype="bool"), True, False, 1, 0) == [1.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("value", [2, 0.5, "true", "1", None, [True]])
def test_what_is_no_truth_value_is_refused(value):
    from app.exceptions import InvalidInput

    with pytest.raises(InvalidInput):
        kinds(Feature("x", "boolean", dtype="bool"), value)


def test_labels_that_are_numbers_are_taken_as_text_too():
    feature = Feature("x", "category", categories=(1, 2, 3), open=False, dtype="category")
    assert kinds(feature, 1, "3", 2.0) == [1, 3, 2]


def test_labels_that_are_text_are_text_alone():
    from app.exceptions import InvalidInput

    feature = Feature("x", "category", categories=("1", "2"), open=False)
    assert kinds(feature, "1") == ["1"]
    with pytest.raises(InvalidInput, match="Validation failed"):
        kinds(feature, 1)


def test_whole_numbers_are_asked_for_where_the_model_tells_the_difference():
    from app.exceptions import InvalidInput

    feature = Feature("x", "number", dtype="int64", whole=True)
    assert kinds(feature, 3, 4.0) == [3.0, 4.0]
    with pytest.raises(InvalidInput) as caught:
        kinds(feature, 3, 4.5)
    assert caught.value.details["errors"][0]["row"] == 1


@pytest.mark.parametrize(
    ("dtype", "precision"), [("float16", np.float16), ("float32", np.float32), ("Float32", np.float32)]
)
@pytest.mark.parametrize("rows", [[[0.1]], np.array([[0.1]])], ids=["list", "array"])
def test_numbers_are_as_precise_as_those_the_model_was_fitted_to(dtype, precision, rows):
    signature = InputSignature((Feature("x", "number", dtype=dtype),), "frame")
    assert validate_rows(rows, signature).tolist() == [[float(precision(0.1))]]


def test_number_at_the_end_of_the_dtype_is_not_wrapped_around():
    signature = InputSignature((Feature("x", "number", dtype="int64"),), "array")
    assert restore(np.array([[2.0**63]]), signature).tolist() == [[2.0**63]]
