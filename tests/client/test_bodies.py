"""Values of Python in JSON."""

import json
from collections import OrderedDict, UserDict
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from model_service_client import InvalidInput, bodies

NS = "2026-11-26T08:30:00.000000000"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1, "1"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (True, "true"),
        ("null", '"null"'),
        ("\u00e4\U0001f600", '"\u00e4\U0001f600"'),
        (2**53 + 1, "9007199254740993"),
        (-(2**63), "-9223372036854775808"),
        (2**70, "1180591620717411303424"),
        (None, "null"),
        (float("nan"), "null"),
        (pd.NaT, "null"),
        (pd.NA, "null"),
        (np.float64("nan"), "null"),
        (np.datetime64("NaT"), "null"),
        (Decimal("NaN"), "null"),
        (np.int64(2**63 - 1), "9223372036854775807"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (np.float32(0.1), "0.10000000149011612"),
        (np.float64(0.1), "0.1"),
        (np.bool_(True), "true"),
        (np.str_("a"), '"a"'),
        (np.array(3), "3"),
        (Decimal("0.1"), "0.1"),
        (Decimal(2**60 + 1), "1152921504606846977"),
        (date(2026, 11, 26), '"2026-11-26"'),
        (datetime(2026, 11, 26, 8, 30), '"2026-11-26T08:30:00"'),
        (datetime(2026, 11, 26, 8, 30, tzinfo=UTC), '"2026-11-26T08:30:00+00:00"'),
        (pd.Timestamp("2026-11-26T08:30"), '"2026-11-26T08:30:00"'),
        (np.datetime64("2026-11-26"), '"2026-11-26"'),
        (np.datetime64(NS), '"2026-11-26T08:30:00"'),
        (np.datetime64("2026-11-26T08:30:00.000000001"), '"2026-11-26T08:30:00.000000001"'),
    ],
    ids=repr,
)
def test_cell_is_written_exactly(value, written):
    body = bodies.row_body([value])
    assert json.loads(body, parse_float=str, parse_int=str) == json.loads(
        f'{{"features": [{written}]}}', parse_float=str, parse_int=str
    )
    assert bodies.rows_body([{"a": value}]) == body.replace(b"features", b"samples").replace(
        b"[", b'[{"a":'
    ).replace(b"]}", b"}]}")
    assert bodies.lines_body([[value], [value]]).count(b"\n") == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("inf"), "must be a finite number"),
        (-np.float32("inf"), "must be a finite number"),
        (Decimal("inf"), "must be a finite number"),
        (Exception(), "must be a single value, not Exception"),
        (b"text", "must be a single value, not bytes"),
        (np.array([1, 2]), "must be a single value, not ndarray"),
        (np.timedelta64(1, "s"), "must be a number, a text, a truth value or a date, not timedelta64[s]"),
        (1j, "must be a single value, not complex"),
    ],
    ids=repr,
)
def test_cell_that_json_does_not_have_is_named(value, reason):
    with pytest.raises(InvalidInput) as raised:
        bodies.row_body([1, value])
    assert raised.value.errors == [{"field": "features", "row": 0, "position": 1, "reason": reason}]
    with pytest.raises(InvalidInput) as raised:
        bodies.lines_body([{"a": 1}, {"a": value}])
    assert raised.value.errors == [{"field": "samples", "row": 1, "name": "a", "reason": reason}]


@pytest.mark.parametrize(
    "row",
    [
        {"1": None, "b": 2},
        {1: None, "b": 2},
        OrderedDict({"1": None, "b": 2}),
        UserDict({"1": None, "b": 2}),
        pd.Series({"1": None, "b": 2}, dtype=object),
    ],
    ids=lambda row: type(row).__name__,
)
def test_row_by_name_is_an_object(row):
    assert bodies.row_body(row) == b'{"features":{"1":null,"b":2}}'


@pytest.mark.parametrize("row", [[1, 2], (1, 2), range(1, 3), np.array([1, 2])], ids=str)
def test_row_in_training_order_is_a_list(row):
    assert bodies.row_body(row) == b'{"features":[1,2]}'


@pytest.mark.parametrize("row", [Exception(), b"text"], ids=repr)
def test_what_is_no_row_is_named(row):
    with pytest.raises(InvalidInput, match="must be a list or a mapping"):
        bodies.row_body(row)
