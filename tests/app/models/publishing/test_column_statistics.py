import numpy as np
import pandas as pd

from app.models.publishing.column_statistics import MAX_CATEGORIES, describe_column


def test_numbers_have_range_spread_and_quantiles():
    summary = describe_column(pd.Series([0.0, 10.0, np.nan, 0.0, 10.0]))
    assert (summary["count"], summary["missing"]) == (5, 1)
    assert (summary["min"], summary["max"], summary["mean"], summary["std"]) == (0, 10, 5, 5)
    assert summary["quantiles"] == {
        "0.01": 0.0,
        "0.05": 0.0,
        "0.25": 0.0,
        "0.5": 5.0,
        "0.75": 10.0,
        "0.95": 10.0,
        "0.99": 10.0,
    }


def test_categories_have_frequencies():
    summary = describe_column(pd.Series(["a", "b", "a", None]))
    assert summary == {"count": 4, "missing": 1, "frequencies": {"a": 2, "b": 1}}


def test_free_text_has_the_number_of_distinct_values_and_their_length():
    summary = describe_column(pd.Series([f"{number:08d}" for number in range(MAX_CATEGORIES + 1)]))
    assert summary == {
        "count": MAX_CATEGORIES + 1,
        "missing": 0,
        "distinct": MAX_CATEGORIES + 1,
        "mean_length": 8.0,
    }


def test_empty_column_has_nothing_to_describe():
    assert describe_column(pd.Series([np.nan, np.nan])) == {"count": 2, "missing": 2}
