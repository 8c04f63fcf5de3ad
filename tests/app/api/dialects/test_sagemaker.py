from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import assert_error
from tests.estimators import BOXES, SumClassifier, fitted

ROWS = {"samples": BOXES.iloc[:2].to_numpy(dtype=float).tolist()}


def test_ping_is_200_only_with_a_model(client, empty_app):
    assert client.get("/ping").status_code == 200
    assert empty_app.test_client().get("/ping").status_code == 503


def test_invocations_answer_as_a_batch_does(client):
    invoked, batch = (
        client.post(path, json=ROWS).get_json() for path in ("/invocations", "/api/predict/batch")
    )
    assert invoked["count"] == 2
    assert invoked["results"] == batch["results"]


def test_wrong_rows_are_refused(client):
    assert_error(client.post("/invocations", json={"samples": [[1]]}), 400, "validation_error")


def test_ping_needs_no_key_and_is_not_counted_but_invocations_are(serve):
    client = serve(fitted(SumClassifier()), API_KEY_1=KEY, RATE_LIMIT="1/hour", WORKERS=1)
    assert_error(client.post("/invocations", json=ROWS), 401, "authentication_error")
    assert [client.get("/ping").status_code for _ in range(3)] == [200, 200, 200]
    answers = [client.post("/invocations", json=ROWS, headers=with_key(KEY)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
