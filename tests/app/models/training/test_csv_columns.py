import numpy as np
import pandas as pd
import pytest

from app.models.training.csv_columns import read_csv


@pytest.fixture
def column(tmp_path):
    """Write a column of cells, and return what is read of it."""

    def column(*cells, text=frozenset()):
        path = tmp_path / "table.csv"
        pd.DataFrame({"x": cells, "other": "y"}).to_csv(path, index=False)
        return read_csv(path, text=text)["x"]

    return column


@pytest.mark.parametrize("word", ["None", "NA", "N/A", "null", "nan", "NaN", "#N/A", "NULL"])
def test_words_that_pandas_takes_for_missing_are_text_in_a_column_of_text(column, word):
    assert column("yes", word, "no").tolist() == ["yes", word, "no"]


@pytest.mark.parametrize("word", ["None", "NA", "null", "NaN"])
def test_the_same_words_are_missing_in_a_column_of_numbers(column, word):
    found = column("1", word, "2.5")
    assert found.dtype == float
    assert found.isna().tolist() == [False, True, False]


def test_column_of_such_words_alone_is_text(column):
    assert column("NA", "NA", "NA").tolist() == ["NA", "NA", "NA"]


def test_empty_cells_are_missing_in_every_column(column):
    assert column("1", "", "2").isna().tolist() == [False, True, False]
    assert column("a", "", "b").isna().tolist() == [False, True, False]
    assert column("True", "", "False").isna().tolist() == [False, True, False]


@pytest.mark.parametrize("cells", [("00123", "04567"), ("007", "12"), ("-01", "5")])
def test_leading_zeros_make_text(column, cells):
    assert column(*cells).tolist() == list(cells)


@pytest.mark.parametrize("cells", [("0", "10"), ("0.5", "1e3"), (" 1", "2 "), ("-0.5", "+2")])
def test_numbers_are_numbers(column, cells):
    assert column(*cells).tolist() == [float(cell) for cell in cells]


def test_whole_numbers_stay_whole(column):
    assert column("1", "2").dtype == np.int64


def test_truth_values_are_truth_values(column):
    assert column("True", "false").dtype == bool
    assert str(column("True", "", "FALSE").dtype) == "boolean"


def test_column_named_as_text_is_text_whatever_it_looks_like(column):
    text = frozenset({"x"})
    assert column("1", "2", text=text).tolist() == ["1", "2"]
    assert column("True", "False", text=text).tolist() == ["True", "False"]
    assert column("NA", "", text=text).tolist()[0] == "NA"


def test_byte_order_mark_belongs_to_no_name(tmp_path):
    (tmp_path / "table.csv").write_bytes("\ufeffx,y\n1,a\n".encode())
    assert list(read_csv(tmp_path / "table.csv")) == ["x", "y"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("x,x\n1,2\n", "several columns named x"),
        ("a,b,y\n0,0,0,0\n1,1,1,1\n", "more fields than its header has names"),
        ("a,b,y\n0,0,0,\n1,1,1,\n", "more fields than its header has names"),
        ("a;b;y\n1;2;3\n", "not separated by commas"),
        ("a\tb\n1\t2\n", "not separated by commas"),
    ],
)
def test_header_that_does_not_fit_is_refused_in_a_sentence(tmp_path, content, reason):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(ValueError, match=reason):
        read_csv(tmp_path / "table.csv")


@pytest.mark.parametrize(("cells", "dtype"), [(("1", "", "0"), "Int64"), (("1.5", "", "0"), "float64")])
def test_whole_numbers_of_the_target_stay_whole_although_some_are_missing(tmp_path, cells, dtype):
    pd.DataFrame({"y": cells, "x": "1"}).to_csv(tmp_path / "table.csv", index=False)
    assert str(read_csv(tmp_path / "table.csv", target="y")["y"].dtype) == dtype
