"""Input examples become samples, in the types of the signature."""

import json

import numpy as np
import pandas as pd
import pytest

from app.models.importing.mlflow.input_example import read_example, text_of, typed
from app.models.importing.mlflow.mlmodel import Example, MLmodel
from app.models.untrusted import ImportRefused


@pytest.fixture
def read(tmp_path):
    def read(document, kind="dataframe", *, columns=None, dtype=None):
        path = tmp_path / "input_example.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return read_example(path, MLmodel("model.skops", Example(path.name, kind), columns or {}, dtype, {}))

    return read


def test_table_has_the_names_of_the_example_and_the_types_of_the_signature(read):
    found = read(
        {
            "columns": ["height", "rooms", "sold", "city", "built"],
            "data": [[1, 2, True, "Rome", "2020-01-02"]],
        },
        columns={
            "height": "float",
            "rooms": "integer",
            "sold": "boolean",
            "city": "string",
            "built": "datetime",
            "absent": "double",
        },
    )
    assert list(map(str, found.dtypes))[:3] == ["float32", "int32", "bool"]
    assert (found["city"].tolist(), found["built"].tolist()) == (["Rome"], [pd.Timestamp("2020-01-02")])


def test_missing_values_of_a_table_stay_missing(read):
    found = read(
        {"columns": ["age", "rooms", "sold"], "data": [[1.5, 1, True], [None, None, None]]},
        columns={"age": "double", "rooms": "long", "sold": "boolean"},
    )
    assert found.isna().iloc[1].all()


def test_array_has_the_dtype_of_the_signature(read):
    found = read([[1, 2], [3, 4]], "ndarray", dtype="float32")
    assert (found.dtype, found.tolist()) == (np.dtype("float32"), [[1, 2], [3, 4]])


def test_array_of_mlflow_1_and_rows_beside_parameters_are_read(read):
    assert read({"inputs": [[1, 2]]}, "ndarray").shape == (1, 2)
    beside = {"inputs": {"columns": ["a"], "data": [[1]]}, "params": {"threshold": 0.5}}
    assert read(beside).columns.tolist() == ["a"]


@pytest.mark.parametrize(
    ("document", "kind", "reason"),
    [
        ({}, "json_object", "no table of rows, but a json_object: bring rows with --sample"),
        ({"data": [1.0]}, "sparse_matrix_csr", "but a sparse_matrix_csr"),
        ("{", "dataframe", "cannot be read: JSONDecodeError"),
        ({"columns": ["a"]}, "dataframe", "cannot be read: KeyError"),
        ([[1]], "dataframe", "cannot be read: TypeError"),
        ({"columns": ["a"], "data": [[1, 2]]}, "dataframe", "cannot be read: ValueError"),
        ([[1, 2], [3]], "ndarray", "cannot be read: ValueError"),
    ],
)
def test_example_that_is_no_table_is_refused_with_what_to_do(read, document, kind, reason):
    with pytest.raises(ImportRefused, match=reason):
        read(document, kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1.5, "long"), ("x", "double"), (2, "boolean"), (3e9, "integer"), ("no date", "datetime")],
)
def test_value_that_its_type_cannot_hold_is_refused(value, kind):
    with pytest.raises(ImportRefused, match=f"column 'a' of the sample is no {kind}, as the signature says"):
        typed(pd.DataFrame({"a": [value]}), {"a": kind})


def test_text_columns_are_those_of_strings():
    assert text_of({"zip": "string", "height": "double"}) == {"zip"}
