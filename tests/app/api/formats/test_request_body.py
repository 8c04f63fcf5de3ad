import gzip
import json
import struct
import zlib
from io import BytesIO

import pyarrow
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from app.models.training.estimators import mixed_pipeline
from tests.assertions import assert_error, assert_one_error, strict_json
from tests.estimators import BOXES, INCOME, PEOPLE, FirstColumn, SumClassifier, fitted

ROUTES = {"/api/predict": "features", "/api/predict/batch": "samples"}

numbers = st.one_of(st.integers(), st.floats(), st.integers(-(2**70), 2**70))
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=20))
names = st.one_of(st.sampled_from([*BOXES, *PEOPLE, "features", "samples"]), st.text(max_size=10))
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=20,
)
bodies = st.one_of(
    documents,
    st.fixed_dictionaries({"features": documents}, optional={"request_id": scalars, "client_id": scalars}),
    st.fixed_dictionaries({"samples": st.lists(documents, max_size=5)}),
    st.fixed_dictionaries({"features": st.lists(scalars, min_size=1, max_size=3)}),
    st.fixed_dictionaries(
        {"samples": st.lists(st.fixed_dictionaries({"age": scalars, "city": scalars}), max_size=3)}
    ),
)


@pytest.fixture(scope="module")
def clients(tmp_path_factory, serve_model):
    """One client each for numbers, mixed columns and text."""
    texts = ["good film", "bad film"] * 10
    models = [
        (fitted(SumClassifier()), BOXES),
        (mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME), PEOPLE),
        (make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, [1, 0] * 10), texts),
    ]
    return [serve_model(tmp_path_factory.mktemp("models"), model, sample=rows) for model, rows in models]


@pytest.fixture(scope="module")
def echo(tmp_path_factory, serve_model):
    """A client of a model that answers with the first value of its row."""
    rows = [[0.0], [1.0]] * 10
    return serve_model(tmp_path_factory.mktemp("models"), FirstColumn().fit(rows), OUTLIER_POLICY="off")


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(document=bodies, path=st.sampled_from(list(ROUTES)))
def test_no_json_makes_the_service_fail(clients, document, path):
    for client in clients:
        response = client.post(path, data=json.dumps(document), content_type="application/json")
        if response.status_code == 200:
            assert strict_json(response)["success"] is True
        else:
            assert_error(response, 400, "validation_error")


@settings(max_examples=100)
@given(raw=st.binary(min_size=1, max_size=200), path=st.sampled_from(list(ROUTES)))
@example(raw=b"\xef\xbb\xbf{}", path="/api/predict")
@example(raw=b'"\\ud800"', path="/api/predict")
def test_no_bytes_make_the_service_fail(clients, raw, path):
    response = clients[0].post(path, data=raw, content_type="application/json")
    assert_error(response, 400, "validation_error")


@settings(max_examples=100)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=100, max_size=100))
def test_every_finite_float_reaches_the_model_bit_for_bit(echo, values):
    answer = echo.post("/api/predict/batch", json={"samples": [[value] for value in values]}).get_json()
    received = [result["prediction"] for result in answer["results"]]
    assert [struct.pack("d", value) for value in received] == [struct.pack("d", value) for value in values]


@settings(max_examples=200)
@given(value=st.one_of(st.integers(), st.integers(2**53 - 3, 2**65), st.integers(-(2**65), -(2**53) + 3)))
def test_an_integer_is_taken_exactly_or_refused(echo, value):
    response = echo.post("/api/predict", data=f'{{"features": [{value}]}}', content_type="application/json")
    if abs(value) <= 2**53:
        assert response.get_json()["result"]["prediction"] == value
    else:
        assert_error(response, 400, "validation_error")


@pytest.mark.parametrize("depth", [100, 900, 1000, 1023, 1025, 150_000])
@pytest.mark.parametrize("first", ["1", "1e30"], ids=["one parser", "both parsers"])
def test_deep_nesting_is_refused(serve, depth, first):
    client = serve(fitted(SumClassifier()), MAX_CONTENT_LENGTH=1_000_000)
    body = f'{{"features": [{first}, {"[" * depth}{"]" * depth}, 3]}}'
    response = client.post("/api/predict", data=body, content_type="application/json")
    assert_error(response, 400, "validation_error")


@pytest.mark.parametrize("path", ROUTES)
def test_no_body_at_all_is_refused(client, path):
    response = client.post(path)
    assert assert_error(response, 400, "validation_error") == []
    assert response.get_json()["error"] == "No JSON data provided"


@pytest.mark.parametrize("document", [[], [1, 2, 3], "text", 5, True])
@pytest.mark.parametrize("path", ROUTES)
def test_body_that_is_no_object_is_refused(client, path, document):
    response = client.post(path, json=document)
    assert_one_error(response, reason="The body must be a JSON object.")


@pytest.mark.parametrize(("path", "field"), ROUTES.items())
def test_body_without_its_rows_is_refused(client, path, field):
    response = client.post(path, json={"client_id": "me"})
    assert_one_error(response, field=field, reason="Missing data for required field.")


def test_unknown_field_is_refused(client):
    response = client.post("/api/predict", json={"features": [1, 2, 3], "feature": 1})
    assert_one_error(response, field="feature", reason="Unknown field.")


def test_broken_json_is_refused_with_the_place(client):
    response = client.post("/api/predict", data='{"features":\n [1, x]}', content_type="application/json")
    (error,) = assert_error(response, 400, "validation_error")
    assert response.get_json()["error"] == "The body is not valid JSON"
    assert (error["line"], error["column"]) == (2, 6)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/octet-stream",
        "application/x-pickle",
        "application/python-pickle",
        "application/xml",
        "text/json",
    ],
)
@pytest.mark.parametrize("path", ROUTES)
def test_body_of_another_type_is_refused(client, path, content_type):
    response = client.post(path, data=b'{"features": [1, 2, 3]}', content_type=content_type)
    assert_error(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("coding", ["br", "compress", "GZIP, br", "x-zstd"])
@pytest.mark.parametrize("path", ROUTES)
def test_unknown_coding_is_refused(client, path, coding):
    body = gzip.compress(b'{"features": [1, 2, 3]}')
    headers = {"Content-Encoding": coding}
    response = client.post(path, data=body, content_type="application/json", headers=headers)
    assert_error(response, 415, "unsupported_media_type")
    assert response.get_json()["error"] == "Content-Encoding must be gzip, deflate, zstd or identity"


BODY = b'{"features": [1, 2, 3]}'
CODED = {
    "gzip": gzip.compress(BODY),
    "GZIP": gzip.compress(BODY[:5]) + gzip.compress(BODY[5:]),
    "deflate": zlib.compress(BODY),
    "zstd": pyarrow.compress(BODY, "zstd", asbytes=True),
    "identity, gzip": gzip.compress(BODY),
    "gzip, gzip": gzip.compress(gzip.compress(BODY)),
}


@pytest.mark.parametrize("coding", CODED)
def test_coded_body_is_read(client, coding):
    headers = {"Content-Encoding": coding}
    response = client.post(
        "/api/predict", data=CODED[coding], content_type="application/json", headers=headers
    )
    assert response.status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize(
    "content",
    [b"no code", gzip.compress(BODY)[:-3], b"", gzip.compress(BODY) + b"x"],
    ids=["none", "cut off", "empty", "with more behind"],
)
def test_body_that_is_not_in_its_coding_is_refused(client, coding, content):
    headers = {"Content-Encoding": coding}
    response = client.post("/api/predict", data=content, content_type="application/json", headers=headers)
    assert_error(response, 400, "validation_error")


@pytest.mark.parametrize(
    "compress", [gzip.compress, lambda body: pyarrow.compress(body, "zstd", asbytes=True)]
)
def test_body_that_inflates_beyond_the_limit_is_refused(serve, compress):
    client = serve(fitted(SumClassifier()), MAX_CONTENT_LENGTH=100_000)
    coding = "gzip" if compress is gzip.compress else "zstd"
    headers, body = {"Content-Encoding": coding}, compress(BODY + b" " * 10_000_000)
    assert len(body) < 20_000
    response = client.post("/api/predict", data=body, content_type="application/json", headers=headers)
    assert_error(response, 413, "payload_too_large")


@pytest.mark.parametrize("coding", ["identity", "Identity", "", " identity , identity"])
def test_coding_that_changes_nothing_is_none(client, coding):
    headers = {"Content-Encoding": coding}
    response = client.post("/api/predict", json={"features": [1, 2, 3]}, headers=headers)
    assert response.status_code == 200


def test_json_with_a_charset_is_json(client):
    response = client.post(
        "/api/predict", data=b'{"features": [1, 2, 3]}', content_type="application/json; charset=utf-8"
    )
    assert response.status_code == 200


def test_body_up_to_the_limit_is_read_and_a_longer_one_refused(serve):
    body = json.dumps({"features": [1, 2, 3]}).encode()
    client = serve(fitted(SumClassifier()), MAX_CONTENT_LENGTH=len(body))
    assert client.post("/api/predict", data=body, content_type="application/json").status_code == 200
    longer = client.post("/api/predict", data=body + b" ", content_type="application/json")
    assert_error(longer, 413, "payload_too_large")
    assert longer.get_json()["details"] == {"limit": len(body)}


def test_chunked_body_up_to_the_limit_is_read_and_a_longer_one_refused(serve):
    body = json.dumps({"features": [1, 2, 3]}).encode()
    client = serve(fitted(SumClassifier()), MAX_CONTENT_LENGTH=len(body))

    def post_chunked(content):
        return client.post(
            "/api/predict",
            input_stream=BytesIO(content),
            content_type="application/json",
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},
        )

    assert post_chunked(body).status_code == 200
    assert_error(post_chunked(body + b" "), 413, "payload_too_large")
    assert_error(post_chunked(b"[" * 1_000_000), 413, "payload_too_large")
