import io
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from app.models.training.estimators import mixed_pipeline
from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import assert_error, assert_one_error, strict_json
from tests.estimators import (
    BOXES,
    INCOME,
    PEOPLE,
    SeveralSums,
    SizeClassifier,
    SumClassifier,
    SumRegressor,
    fitted,
)

URL = "/invocations"
CSV, NDJSON, NPY = "text/csv", "application/x-ndjson", "application/x-npy"
ALONE = {"DIALECTS": "sagemaker"}
ROWS = {"samples": BOXES.iloc[:2].to_numpy(dtype=float).tolist()}
TARGET = "X-Amzn-SageMaker-Target-Model"


@pytest.fixture
def churn(sums, models_dir):
    """A client of an app with a second model, which is not loaded yet."""
    (version,) = models_dir.glob("model_*")
    shutil.copytree(version, models_dir / "churn" / version.name)
    return sums


def load(app, name):
    app.extensions["model_registry"][name].load()


def post(client, body, content_type, **headers):
    return client.post(URL, data=body, content_type=content_type, headers=headers)


def npy(array):
    content = io.BytesIO()
    np.save(content, np.asarray(array))
    return content.getvalue()


def test_ping_is_200_and_empty_only_with_a_model_and_while_the_server_does_not_drain(
    client, empty_app, monkeypatch
):
    assert (client.get("/ping").status_code, client.get("/ping").data) == (200, b"")
    assert empty_app.test_client().get("/ping").status_code == 503
    monkeypatch.setattr("app.middleware.draining._flag", [1])
    assert client.get("/ping").status_code == 503


def test_csv_without_a_header_comes_back_as_csv_without_one(serve):
    for estimator, expected in (
        (SumRegressor(), "6\n15\n"),
        (SumClassifier(), "0\n0\n"),
        (SizeClassifier(), "small\nsmall\n"),
        (SeveralSums(), "6,12\n15,30\n"),
    ):
        client = serve(fitted(estimator))
        for accept in ({}, {"Accept": "*/*"}, {"Accept": CSV}, {"Accept": f"{CSV}; charset=utf-8"}):
            response = post(client, "1,2,3\n4,5,6\n", CSV, **accept)
            assert (response.status_code, response.mimetype, response.text) == (200, CSV, expected)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (CSV, "1,2,3\n4,5,6\n"),
        ("application/json", "[[1,2,3],[4,5,6]]"),
        ("application/json", '[{"depth":3,"width":2,"height":1},[4,5,6]]'),
        ("application/jsonlines", "[1,2,3]\n[4,5,6]\n"),
        (NPY, npy([[1, 2, 3], [4, 5, 6]])),
    ],
)
def test_accept_decides_the_form_of_the_answer(sums, content_type, body):
    own = {"application/jsonlines": NDJSON}.get(content_type, content_type)
    assert post(sums, body, content_type).mimetype == own
    assert strict_json(post(sums, body, content_type, Accept="application/json;verbose=1")) == [6.0, 15.0]
    assert post(sums, body, content_type, Accept=CSV).text == "6\n15\n"
    assert post(sums, body, content_type, Accept="application/jsonlines").text == "6.0\n15.0\n"
    assert np.load(io.BytesIO(post(sums, body, content_type, Accept=NPY).data)).tolist() == [6.0, 15.0]
    assert_error(post(sums, body, content_type, Accept="image/png"), 406, "not_acceptable")


def test_numbers_are_those_of_scikit_learn_in_float64(serve):
    rows = np.random.default_rng(0).normal(size=(200, 3))
    client = serve(fitted(SumRegressor()))
    expected = np.sum(rows, axis=1).tolist()
    text = "\n".join(",".join(map(repr, row)) for row in rows.tolist())
    assert [float(line) for line in post(client, text, CSV).text.splitlines()] == expected
    assert np.load(io.BytesIO(post(client, npy(rows), NPY).data)).tolist() == expected
    assert strict_json(client.post(URL, json=rows.tolist())) == expected


def test_csv_and_json_agree_on_what_a_column_is(serve):
    model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    client = serve(model, sample=PEOPLE)
    rows = [[None if v != v else v for v in row] for row in PEOPLE.to_numpy().tolist()]
    expected = model.predict(PEOPLE).tolist()
    assert post(client, PEOPLE.to_csv(index=False, header=False), CSV).text.split() == expected
    assert strict_json(client.post(URL, json=rows)) == expected


def test_instances_are_answered_as_predictions(serve):
    client = serve(fitted(SumRegressor()), **ALONE)
    assert strict_json(client.post(URL, json={"instances": [[1, 2, 3]]})) == {"predictions": [6.0]}


def test_samples_are_answered_as_a_batch_is_and_may_be_more(serve):
    client = serve(fitted(SumClassifier()), MAX_BATCH_SIZE=2)
    invoked, batch = (client.post(path, json=ROWS).get_json() for path in (URL, "/api/predict/batch"))
    assert invoked["count"] == 2
    assert invoked["results"] == batch["results"]
    more = {"samples": ROWS["samples"] * 2, "request_id": "r1"}
    assert client.post(URL, json=more).get_json()["request_id"] == "r1"
    assert_one_error(client.post(URL, json=ROWS | {"x": 1}), field="x", reason="Unknown field.")


def test_a_body_without_a_type_is_json(sums):
    assert strict_json(post(sums, "[[1,2,3]]", "")) == [6.0]


def test_attributes_of_the_caller_choose_outputs(client):
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": "trace=7; outputs=predict_proba"}
    assert post(client, "1,2,3\n", CSV, **attributes).text == "0.75,0.25\n"
    assert strict_json(client.post(URL, json=[[1, 2, 3]], headers=attributes)) == [[0.75, 0.25]]
    other = {"X-Amzn-SageMaker-Custom-Attributes": "c000b4f9-df62-4c85"}
    assert post(client, "1,2,3\n", CSV, **other).text == "0\n"


def test_thousands_of_rows_are_answered_up_to_the_limit(serve):
    client = serve(fitted(SumRegressor()), MAX_ROWS=5000, **ALONE)
    assert len(post(client, "1,2,3\n" * 5000, CSV).text.splitlines()) == 5000
    for response in (post(client, "1,2,3\n" * 5001, CSV), client.post(URL, json=[[1, 2, 3]] * 5001)):
        assert_one_error(response, reason="Must hold 1 to 5000 rows, not 5001.")


def test_one_bad_row_of_many_is_named(sums):
    rows = [[1, 2, 3] for _ in range(50)]
    rows[41][1] = "x"
    expected = {"field": "rows", "row": 41, "position": 1, "name": "width"}
    reason = "must be a number, not a string"
    assert_one_error(sums.post(URL, json=rows), **expected, reason=reason)
    text = "\n".join(",".join(map(str, row)) for row in rows)
    assert_one_error(post(sums, text, CSV), **expected, reason=reason)


@pytest.mark.parametrize(
    "document", [[], [1], [[1, 2]], {}, {"x": 1}, 3, "a", None, {"instances": 1}, {"samples": 1}]
)
def test_wrong_bodies_are_400(serve, document):
    assert_error(serve(fitted(SumRegressor()), **ALONE).post(URL, json=document), 400, "validation_error")


def test_bodies_of_another_type_are_415(serve):
    client = serve(fitted(SumRegressor()), **ALONE)
    assert_error(post(client, "<x/>", "application/xml"), 415, "unsupported_media_type")


def test_ping_needs_no_key_and_is_not_counted_but_invocations_are(serve):
    client = serve(fitted(SumClassifier()), API_KEY_1=KEY, RATE_LIMIT="1/hour", WORKERS=1, **ALONE)
    assert_error(client.post(URL, json=ROWS), 401, "authentication_error")
    assert [client.get("/ping").status_code for _ in range(3)] == [200, 200, 200]
    answers = [client.post(URL, json=ROWS, headers=with_key(KEY)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_without_a_model_predictions_are_503(build_app):
    client = build_app(**ALONE).test_client()
    for response in (client.post(URL, json=[[1, 2, 3]]), post(client, "1,2,3\n", CSV)):
        assert_error(response, 503, "model_error")


@pytest.mark.parametrize(("most", "megabytes"), [(1000, 1), (3_500_000, 3), (50_000_000, 6)])
def test_batch_transforms_are_told_how_much_to_send(serve, most, megabytes):
    client = serve(fitted(SumRegressor()), MAX_CONTENT_LENGTH=most, WORKERS=3)
    told = {"MaxConcurrentTransforms": 3, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": megabytes}
    assert client.get("/execution-parameters").get_json() == told


def test_a_model_of_the_store_is_loaded_listed_and_invoked_by_its_name(churn, models_dir):
    body = {"model_name": "churn", "url": str(models_dir / "churn")}
    described = {"modelName": "churn", "modelUrl": body["url"]}
    default = {"modelName": "default", "modelUrl": str(models_dir)}
    assert churn.get("/models/churn").status_code == 404
    assert churn.get("/models").get_json() == {"models": [default]}
    assert churn.post("/models", json=body).get_json() == described
    assert_error(churn.post("/models", json=body), 409, "conflict")
    assert churn.get("/models/churn").get_json() == described
    assert churn.get("/models").get_json() == {"models": [default, described]}
    assert churn.post("/models/churn/invoke", data="1,2,3\n", content_type=CSV).text == "6\n"
    for name in ("churn", "churn.tar.gz", "/churn.tar.gz"):
        assert post(churn, "1,2,3\n", CSV, **{TARGET: name}).text == "6\n"


def test_what_is_not_in_the_store_is_no_model(churn, models_dir):
    for body, status in (
        ({"model_name": "other", "url": str(models_dir / "other")}, 404),
        ({"model_name": "churn", "url": "/opt/ml/models/x/model"}, 409),
        ({"model_name": "churn", "url": str(models_dir / "churn" / ".." / "other")}, 409),
        ({"model_name": "churn"}, 400),
        ([], 400),
    ):
        assert churn.post("/models", json=body).status_code == status
    assert_error(post(churn, "1,2,3\n", CSV, **{TARGET: "../churn"}), 404, "not_found")
    assert_error(churn.post("/models/other/invoke", json=[[1, 2, 3]]), 404, "not_found")
    assert_error(churn.get("/models/other"), 404, "not_found")
    assert_error(churn.delete("/models/other"), 404, "not_found")


def test_a_model_that_fails_a_check_is_refused(churn, models_dir):
    next((models_dir / "churn").glob("model_*/model.pkl")).write_bytes(b"damaged")
    body = {"model_name": "churn", "url": str(models_dir / "churn")}
    assert_error(churn.post("/models", json=body), 409, "conflict")


def test_a_model_that_does_not_fit_into_memory_is_507(churn, models_dir, monkeypatch):
    def full(_):
        raise MemoryError

    monkeypatch.setattr("app.models.serving.operations.load", full)
    response = churn.post("/models", json={"model_name": "churn", "url": str(models_dir / "churn")})
    assert response.status_code == 507
    assert "not enough memory" in response.get_json()["error"]


def test_a_model_that_the_store_has_is_not_unloaded(churn):
    load(churn.application, "churn")
    assert_error(churn.delete("/models/churn"), 409, "conflict")
    assert churn.get("/models/churn").status_code == 200


def test_models_are_managed_by_operators_and_invoked_by_clients(serve):
    client = serve(fitted(SumRegressor()), API_KEY_1=KEY)
    for method, path in (
        ("POST", "/models"),
        ("DELETE", "/models/x"),
        ("GET", "/models"),
        ("GET", "/models/x"),
    ):
        assert client.open(path, method=method).status_code == 401
        assert_error(client.open(path, method=method, headers=with_key(KEY)), 403, "permission_error")
    url = "/models/default/invoke"
    assert client.post(url, json=[[1, 2, 3]], headers=with_key(KEY)).get_json() == [6.0]
    assert client.get("/execution-parameters", headers=with_key(KEY)).status_code == 200


def test_a_dialect_that_is_off_is_absent(build_app):
    client = build_app(DIALECTS="native,mlflow").test_client()
    for path in ("/execution-parameters", "/models", "/models/x"):
        assert client.get(path).status_code == 404
    assert client.post("/models/x/invoke", json=[[1]]).status_code == 404


BODIES = st.binary(max_size=60) | st.text(alphabet='0123456789.,;"\n\t -eaN[]{}:', max_size=60).map(
    str.encode
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, content_type=st.sampled_from([CSV, NPY, NDJSON, "application/json"]))
def test_no_body_is_a_fault_of_the_service(client, body, content_type):
    assert post(client, body, content_type).status_code in (200, 400)
