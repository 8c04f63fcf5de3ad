import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from app.api.formats.body_size import SHORT
from app.models.training.estimators import mixed_pipeline
from tests.assertions import assert_error
from tests.estimators import INCOME, PEOPLE, SumRegressor

BATCH = "/api/predict/batch"
LONG = 10_000_000


def wide(width):
    """Rows of so many columns with long names."""
    names = [f"a column with a name of its own, number {number}" for number in range(width)]
    return pd.DataFrame([[0.1 + number for number in range(width)]] * 10, columns=names)


@pytest.fixture
def serve_wide(serve):
    """Serve a model of so many columns."""
    return lambda width, **options: serve(
        SumRegressor().fit(wide(width), range(10)), sample=wide(width), **options
    )


def post(client, body, path=BATCH):
    return client.post(path, data=body, content_type="application/json")


def test_largest_batch_of_a_wide_model_fits_by_name_and_spaced_out(serve_wide):
    client = serve_wide(500, OUTLIER_POLICY="off")
    row = dict.fromkeys(wide(500).columns, -1.2345678901234567e-123)
    body = json.dumps({"samples": [row] * 100}, indent=1)
    assert len(body) > 3_000_000
    assert post(client, body).status_code == 200


def test_body_is_limited_by_what_the_model_can_use(serve_wide):
    client = serve_wide(1)
    assert_error(post(client, b"[" + b" " * (SHORT - 2) + b"]"), 400, "validation_error")
    response = post(client, b"[" + b" " * (SHORT - 1) + b"]")
    assert_error(response, 413, "payload_too_large")
    assert response.get_json()["details"] == {"limit": SHORT}


def test_larger_batches_make_room_for_longer_bodies(serve_wide):
    client = serve_wide(3, MAX_BATCH_SIZE=5_000)
    body = json.dumps({"samples": [[0.1, 1.1, 2.1]] * 5_000, "request_id": "a"})
    assert len(body) < SHORT or post(client, body).status_code == 200
    assert_error(post(client, b" " * LONG + b"1"), 413, "payload_too_large")


def test_texts_make_room_for_longer_bodies(serve):
    model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    client = serve(model, sample=PEOPLE)
    body = json.dumps({"samples": [{"age": 30, "city": "x" * 10_000}] * 100})
    assert len(body) > 1_000_000
    assert post(client, body).status_code == 200


def test_setting_goes_before_the_model(serve_wide):
    client = serve_wide(3, MAX_CONTENT_LENGTH=LONG)
    assert_error(post(client, b"[" + b" " * (LONG - 2) + b"]"), 400, "validation_error")
    assert_error(post(client, b"[" + b" " * LONG + b"]"), 413, "payload_too_large")


UNENDED = [b'"' + b'\\"' * 400_000, b'"' + b'\\"' * 400_000 + b"\\", b'"' + b"\\" * 400_001]


@pytest.mark.parametrize("end", UNENDED, ids=["quotes", "a backslash", "backslashes"])
def test_string_that_never_ends_is_looked_through_once(serve, end):
    """Each of its quotes might begin another, which would be looked through to the end too: minutes."""
    model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    client = serve(model, sample=PEOPLE)
    assert_error(post(client, b'{"x":[' + b"," * 7000 + end), 400, "validation_error")


MANY = {
    "empty lists": b'{"samples": [' + b"[]," * 3_000_000 + b"[]]}",
    "a row of numbers": b'{"features": [' + b"0," * 4_500_000 + b"0]}",
    "rows of another width": b'{"samples": [' + b",".join([b"[" + b"0," * 40_000 + b"0]"] * 100) + b"]}",
    "nested": b'{"samples": ' + b"[" * 4_000_000 + b"]" * 4_000_000 + b"}",
    "objects": b'{"samples": [' + b"{}," * 3_000_000 + b"{}]}",
    "texts": b'{"samples": [' + b'"a",' * 2_000_000 + b'"a"]}',
    "unknown names": b"{" + b",".join(b'"%d":0' % number for number in range(700_000)) + b"}",
}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("numbers", "is longer than 100 rows of the model's 20 columns can be"),
        ("texts", "holds more values than 100 rows of the model's 2 columns"),
    ],
)
@pytest.mark.parametrize("body", MANY.values(), ids=MANY)
def test_more_than_a_model_takes_is_refused_before_it_takes_memory(serve, serve_wide, body, kind, reason):
    if kind == "numbers":
        client = serve_wide(20, MAX_CONTENT_LENGTH=LONG)
    else:
        model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
        client = serve(model, sample=PEOPLE, MAX_CONTENT_LENGTH=LONG)
    tracemalloc.start()
    try:
        response = post(client, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert assert_error(response, 400, "validation_error") == [{"reason": reason}]
    assert peak < 5 * len(body)


def test_short_body_of_too_many_values_is_refused_for_their_number(serve_wide):
    client = serve_wide(20, MAX_CONTENT_LENGTH=LONG)
    (found,) = assert_error(post(client, b"[" + b"0," * 100_000 + b"0]"), 400, "validation_error")
    assert found["reason"] == "holds more values than 100 rows of the model's 20 columns"


def test_many_names_that_are_no_columns_are_refused_before_they_take_memory(serve_wide):
    client = serve_wide(400, MAX_CONTENT_LENGTH=LONG)
    body = b'{"samples": [{' + b",".join(b'"%d":0' % number for number in range(50_000)) + b"}]}"
    tracemalloc.start()
    try:
        found = assert_error(post(client, body), 400, "validation_error")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [{"reason": "holds more than 1,000 names that are no columns"}]
    assert peak < 6 * len(body)


def test_many_names_of_columns_are_read_however_they_are_written(serve):
    names = [f'grösse {number}, "außen": \\' for number in range(300)]
    sample = pd.DataFrame([[0.5] * 300] * 3, columns=names)
    client = serve(SumRegressor().fit(sample, [0, 1, 2]), sample=sample, MAX_CONTENT_LENGTH=LONG)
    row = dict.fromkeys(names, 1.0)
    for ascii_only in (True, False):
        body = json.dumps({"samples": [row] * 100}, ensure_ascii=ascii_only, indent=1).encode()
        assert post(client, body).status_code == 200


def test_what_looks_like_names_in_texts_is_none(serve):
    model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    client = serve(model, sample=PEOPLE, MAX_CONTENT_LENGTH=LONG)
    cities = [json.dumps({f"{row}-{number}": 0 for number in range(300)}) for row in range(50)]
    body = json.dumps({"samples": [{"age": 30, "city": city} for city in cities]})
    names = b'{"x": 0, ' + b", ".join(b'"%d": 0' % number for number in range(20_000)) + b"}"
    assert post(client, body).status_code == 200
    assert_error(post(client, names), 400, "validation_error")


def test_what_stands_in_strings_is_no_value(serve):
    model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    client = serve(model, sample=PEOPLE)
    city = '[,{"' * 2_000 + "\\"
    body = json.dumps({"samples": [{"age": 30, "city": city}] * 50})
    assert len(body) > SHORT
    assert post(client, body).status_code == 200


@pytest.mark.parametrize("path", ["/api/predict", "/api/predict/fast"])
def test_one_row_has_room_for_the_values_of_one_row(serve_wide, path):
    client = serve_wide(20, MAX_CONTENT_LENGTH=LONG)
    names = b",".join(b'"%d":0' % number for number in range(20_000))
    (found,) = assert_error(post(client, b'{"features": {' + names + b"}}", path), 400, "validation_error")
    assert found["reason"] == "is longer than one row of the model's 20 columns can be"


def test_long_bodies_become_objects_one_at_a_time(serve_wide):
    client = serve_wide(20, MAX_CONTENT_LENGTH=LONG, MAX_BATCH_SIZE=2_000)
    shedder, turn = client.application.extensions["load_shedder"], {}
    row = dict.fromkeys(wide(20).columns, 1.0)
    body, short = json.dumps({"samples": [row] * 2_000}), json.dumps({"samples": [row]})
    assert len(body) > SHORT
    shedder.begin_turn(turn)
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(lambda: post(client.application.test_client(), body))
        assert post(client, short).status_code == 200
        with pytest.raises(TimeoutError):
            second.result(timeout=0.3)
        shedder.end_turn(turn)
        assert second.result().status_code == 200
    assert_error(post(client, body.replace("samples", "sample")), 400, "validation_error")
    assert post(client, body).status_code == 200
