"""Dates in requests are ISO 8601, and what the model gets is of the sample's own dtype."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from app.models.publishing.inspection import inspect_model
from app.models.schema.dates import OBJECT_DATES, as_text, date_cell, restored
from app.models.schema.model_input import restore
from app.models.schema.signature import Feature


def cell(value, dtype, *, nullable=False):
    return date_cell(value, Feature("when", "date", dtype=dtype, nullable=nullable))


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        ("2026-11-26", "datetime64[us]", "2026-11-26T00:00:00"),
        ("20261126T0830", "datetime64[us]", "2026-11-26T08:30:00"),
        ("2026-11-26 08:30:01.000250", "datetime64[ns]", "2026-11-26T08:30:01.000250"),
        ("2026-11-26T08:30:01.250", "datetime64[ms]", "2026-11-26T08:30:01.250000"),
        ("2026-11-26T08:30:00Z", "datetime64[us, Europe/Berlin]", "2026-11-26T08:30:00+00:00"),
        ("2026-11-26", OBJECT_DATES, "2026-11-26"),
        ("2026-11-26", "datetime64[D]", "2026-11-26T00:00:00"),
        ("2026-11-26T08:30", "datetime64[m]", "2026-11-26T08:30:00"),
        ("2026-11-26T08:30:01.000250", "timestamp[us][pyarrow]", "2026-11-26T08:30:01.000250"),
        ("2026-11-26T08:30:00Z", "timestamp[us, tz=UTC][pyarrow]", "2026-11-26T08:30:00+00:00"),
        ("2026-11-26", "date32[day][pyarrow]", "2026-11-26"),
    ],
)
def test_dates_of_iso_8601_are_taken(value, dtype, text):
    assert cell(value, dtype) == (text, None)


@pytest.mark.parametrize(
    ("value", "dtype", "reason"),
    [
        (None, "datetime64[us]", "not null"),
        (float("nan"), "datetime64[us]", "not null"),
        (1_700_000_000, "datetime64[us]", "as text of ISO 8601"),
        ("26.11.2026", "datetime64[us]", "such as 2026-11-26T08:30:00"),
        ("2026-02-30", "datetime64[us]", "must be a date or time"),
        ("2026-11-26T08:30:00+01:00", "datetime64[us]", "no offset from UTC"),
        ("2026-11-26T08:30:00", "datetime64[us, UTC]", "an offset from UTC"),
        ("2026-11-26T08:30:00.123456789", "datetime64[ns]", "than microseconds"),
        ("3000-01-01", "datetime64[ns]", "between 1678 and 2261"),
        ("2026-11-26T08:30:00.5", "datetime64[s]", "whose unit is s"),
        ("2026-11-26T08:30:00", OBJECT_DATES, "without a time"),
        ("2026-11-26T08:00:00", "datetime64[D]", "whose unit is D"),
        ("2026-11-26T08:30:00", "datetime64[h]", "whose unit is h"),
        ("2026-11-26T08:30:00", "timestamp[us, tz=UTC][pyarrow]", "an offset from UTC"),
        ("3000-01-01", "timestamp[ns][pyarrow]", "between 1678 and 2261"),
        ("2026-11-26T08:30:00", "date32[day][pyarrow]", "without a time"),
    ],
)
def test_others_are_refused_with_a_reason(value, dtype, reason):
    found, given = cell(value, dtype)
    assert found is None
    assert reason in given


def test_a_missing_date_is_taken_where_the_model_takes_one():
    assert cell(None, "datetime64[us]", nullable=True) == (None, None)


@pytest.mark.parametrize(
    "dtype", ["datetime64[us]", "datetime64[ns]", "datetime64[s]", "datetime64[us, Asia/Tokyo]"]
)
def test_a_column_comes_back_as_it_was(dtype):
    zoned = "," in dtype
    column = pd.Series(pd.to_datetime(["2026-11-26T08:30:00", None], utc=zoned or None).astype(dtype))
    texts = [None if pd.isna(value) else as_text(value) for value in column]
    again = pd.Series(restored([None if text is None else cell(text, dtype)[0] for text in texts], dtype))
    pd.testing.assert_series_equal(again, column)


def test_dates_of_python_come_back_as_they_were():
    assert restored(["2026-11-26", None], OBJECT_DATES).tolist() == [date(2026, 11, 26), None]


class DaysSince(RegressorMixin, BaseEstimator):
    """Predicts the days from the first date of its training data, and -1 where there is no date."""

    def fit(self, frame, target=None):
        self.first_ = frame["since"].min()
        self.feature_names_in_ = np.array(list(frame), dtype=object)
        return self

    def predict(self, frame):
        return (frame["since"] - self.first_).dt.days.fillna(-1).to_numpy(dtype=float)


class DayOfArray(RegressorMixin, BaseEstimator):
    """Predicts the number that the first column's dates have in their own unit."""

    def fit(self, rows, target=None):
        self.n_features_in_ = rows.shape[1]
        return self

    def predict(self, rows):
        return np.where(np.isnat(rows[:, 0]), -1, rows[:, 0].astype(np.int64)).astype(float)


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [("D", "1970-01-03", 2.0), ("h", "1970-01-01T05:00", 5.0), ("m", "1970-01-01T01:01", 61.0)],
)
def test_arrays_of_dates_have_their_own_unit(serve, unit, text, expected):
    rows = (np.arange(40).reshape(20, 2) * 7).astype(f"datetime64[{unit}]")
    rows[3, 0] = "NaT"
    client = serve(DayOfArray().fit(rows), sample=rows)
    answer = client.post("/api/predict/batch", json={"samples": [[text, text], [None, text]]}).get_json()
    assert [each["prediction"] for each in answer["results"]] == [expected, -1.0]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_times_of_pyarrow_come_back_as_they_were(serve, zone):
    times = pd.Series(pd.date_range("2026-01-01", periods=30, tz=zone))
    frame = pd.DataFrame({"since": times.astype(pd.ArrowDtype(pa.timestamp("us", zone)))})
    frame.loc[7, "since"] = pd.NA
    found = inspect_model(DaysSince().fit(frame), frame)
    pd.testing.assert_frame_equal(restore(found.rows, found.signature), frame)
    client = serve(DaysSince().fit(frame), sample=frame)
    row = {"since": times[10].isoformat()}
    assert client.post("/api/predict", json={"features": row}).get_json()["result"]["prediction"] == 10.0


def test_requests_hold_dates(serve):
    frame = pd.DataFrame({"since": pd.date_range("2026-01-01", periods=30, tz="Europe/Berlin")})
    frame.loc[7, "since"] = pd.NaT
    client = serve(DaysSince().fit(frame), sample=frame)
    rows = [{"since": "2026-01-11T00:00:00+01:00"}, {"since": None}, {"since": "2026-01-11T23:30:00Z"}]
    answer = client.post("/api/predict/batch", json={"samples": rows}).get_json()
    assert [each["prediction"] for each in answer["results"]] == [10.0, -1.0, 11.0]
    (column,) = client.get("/api/model/info").get_json()["features"]
    assert (column["kind"], column["nullable"]) == ("date", True)
    refused = client.post("/api/predict", json={"features": ["2026-01-11"]})
    assert refused.status_code == 400
    (fault,) = refused.get_json()["details"]["errors"]
    assert (fault["name"], fault["reason"]) == ("since", "must have an offset from UTC, such as +01:00 or Z")
