import json
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from app.models.publishing.publish import publish
from tests.assertions import assert_error, assert_one_error, strict_json
from tests.estimators import (
    BOXES,
    NAMES,
    FirstColumn,
    SeveralSums,
    SizeClassifier,
    SumClassifier,
    SumRegressor,
    fitted,
)

FAST = "/api/predict/fast"
LARGE = [6, 5, 5]


class Failing(SumRegressor):
    """Raises on rows that begin with 13.125, and answers NaN to those that begin with 14.125."""

    def predict(self, rows):
        if (rows[:, 0] == 13.125).any():
            raise RuntimeError
        return np.where(rows[:, 0] == 14.125, np.nan, super().predict(rows))


def ask(client, features, path=FAST, **body):
    return strict_json(client.post(path, json={"features": features, **body}))


def lookups(client) -> tuple[int, int]:
    """Rows found in the cache and not, so far."""
    found = client.get("/api/stats").json
    return found["cache_hits"], found["cache_misses"]


def as_if_slow(client):
    """As if the certificate said 5 ms a row: looking pays, on any machine, in Redis too."""
    metadata = client.application.extensions["model_registry"].default.model.metadata
    metadata["certificates"]["sklearn"]["median_us"]["1"] = 5000.0
    return client


@pytest.fixture
def serve(serve):
    return lambda *args, **options: as_if_slow(serve(*args, **options))


@pytest.fixture
def serve_with_redis(serve_model, redis_server):
    options = {"sample": BOXES, "REDIS_URL": redis_server.patient_url}
    return lambda models_dir, estimator, **more: as_if_slow(
        serve_model(models_dir, estimator, **options | more)
    )


def test_fast_answers_as_predict_does_and_says_if_it_remembered(client):
    plain = ask(client, LARGE, path="/api/predict")
    for cached in (False, True):
        answer = ask(client, LARGE)
        success, result, *others = plain
        assert list(answer) == [success, result, "cached", *others, "response_time"]
        assert answer["result"] == plain["result"]
        assert answer["result"]["probabilities"] == {"class_0": 0.25, "class_1": 0.75}
        assert answer["model_version"] == plain["model_version"]
        assert answer["cached"] is cached
        assert 0 < answer["response_time"] < 5


@pytest.mark.parametrize(
    ("estimator", "prediction"),
    [(SizeClassifier(), "large"), (SumRegressor(), 16.0), (SeveralSums(), [16.0, 32.0])],
)
def test_all_kinds_of_answers_are_remembered(serve, estimator, prediction):
    client = serve(fitted(estimator))
    answers = [ask(client, LARGE) for _ in range(2)]
    assert [answer["cached"] for answer in answers] == [False, True]
    assert [answer["result"]["prediction"] for answer in answers] == [prediction] * 2


@pytest.mark.server
def test_two_models_with_equal_bodies_never_share_an_answer(models_dir, serve_with_redis):
    doubled = serve_with_redis(models_dir / "a", fitted(SumRegressor(2.0)))
    tripled = serve_with_redis(models_dir / "b", fitted(SumRegressor(3.0)))
    for cached in (False, True):
        for client, prediction in ((doubled, 32.0), (tripled, 48.0)):
            answer = ask(client, LARGE)
            assert (answer["result"]["prediction"], answer["cached"]) == (prediction, cached)


def test_a_new_version_never_answers_from_the_old_one(client):
    service = client.application.extensions["model_registry"].default
    assert [ask(client, [8, 4, 4])["result"]["prediction"] for _ in range(2)] == [1, 1]
    flipped = fitted(SumClassifier())
    flipped.classes_ = np.array([0, 2])
    publish(service.store, flipped, sample=BOXES, version="second")
    service.load("second")
    answer = ask(client, [8, 4, 4])
    assert (answer["result"]["prediction"], answer["cached"], answer["model_version"]) == (2, False, "second")


@pytest.mark.server
def test_a_second_worker_answers_from_redis(models_dir, serve_with_redis):
    first = serve_with_redis(models_dir, fitted(SumRegressor()))
    assert ask(first, LARGE)["cached"] is False
    second = serve_with_redis(models_dir, fitted(SumRegressor()), version="same-artifact")
    answer = ask(second, LARGE)
    assert (answer["cached"], answer["result"]["prediction"]) == (True, 16.0)
    assert answer["model_version"] == "same-artifact"


def test_nothing_of_a_request_but_its_row_matters(client):
    bodies = [
        {"features": LARGE},
        {"features": [6.0, 5.0, 5.0], "request_id": "a"},
        {"features": dict(zip(NAMES, LARGE, strict=True)), "client_id": "b"},
        {"features": dict(reversed(list(zip(NAMES, LARGE, strict=True))))},
    ]
    headers = [{}, {"X-Request-ID": "1"}, {"Accept-Language": "de"}, {"Cookie": "id=1"}]
    answers = [client.post(FAST, json=body, headers=h).get_json() for body in bodies for h in headers]
    assert [answer["cached"] for answer in answers] == [False] + [True] * 15


def test_an_answer_from_the_cache_carries_the_identifiers_of_its_own_request(client):
    ask(client, LARGE, request_id="first", client_id="one")
    answer = ask(client, LARGE, request_id="second")
    assert (answer["cached"], answer["request_id"]) == (True, "second")
    assert "client_id" not in answer


def test_warnings_are_given_again_with_a_remembered_answer(client):
    answers = [ask(client, [60, 5, 5]) for _ in range(2)]
    assert answers[1]["cached"] is True
    assert answers[0]["warnings"] == answers[1]["warnings"] != []


def test_signs_of_zero_are_kept_apart(serve):
    client = serve(fitted(FirstColumn()))
    answers = [ask(client, [zero, 1, 1]) for zero in (0.0, -0.0, 0.0, -0.0)]
    assert [str(answer["result"]["prediction"]) for answer in answers] == ["0.0", "-0.0", "0.0", "-0.0"]


def test_what_does_not_fit_is_refused_as_by_predict(client):
    assert_one_error(
        client.post(FAST, json={"features": [1, "2", 3]}),
        field="features",
        row=0,
        position=1,
        name="width",
        reason="must be a number, not a string",
    )


def test_a_failure_is_not_remembered(serve):
    client = serve(fitted(Failing()))
    for _ in range(2):
        assert_error(client.post(FAST, json={"features": [13.125, 0, 0]}), 400, "validation_error")
        assert_error(client.post(FAST, json={"features": [14.125, 0, 0]}), 400, "validation_error")
    assert ask(client, LARGE)["cached"] is False


@pytest.mark.parametrize(
    ("mode", "remembered"), [("off", [False, False]), ("fast", [True, False]), ("all", [True, True])]
)
def test_cache_mode_says_which_routes_look(serve, mode, remembered):
    client = serve(fitted(SumRegressor()), CACHE_MODE=mode)
    answers = [ask(client, LARGE) for _ in range(2)]
    assert answers[1]["cached"] is remembered[0]
    for _ in range(2):
        ask(client, [1, 2, 3], path="/api/predict")
    hits, misses = sum(remembered), any(remembered) + remembered[1]
    assert lookups(client) == (hits, misses)


def test_rows_of_a_batch_are_looked_up_one_by_one(serve):
    client = serve(fitted(SumRegressor()), CACHE_MODE="all")
    ask(client, LARGE)
    answer = client.post("/api/predict/batch", json={"samples": [[1, 2, 3], LARGE, [0, 0, 1]]}).get_json()
    assert [result["prediction"] for result in answer["results"]] == [6.0, 16.0, 1.0]
    assert lookups(client) == (1, 3)


def test_hits_and_misses_are_counted(client):
    for row in ([1, 2, 3], LARGE, LARGE, LARGE):
        ask(client, row)
    assert lookups(client) == (2, 2)


def test_named_columns_with_missing_values_are_remembered(trained):
    client = trained("people")
    for cached in (False, True):
        assert ask(client, {"age": None, "city": "Athens"})["cached"] is cached
    assert ask(client, {"age": 20, "city": "Athens"})["cached"] is False


def test_of_keys_given_twice_the_cache_and_the_model_see_the_last(serve):
    client = serve(fitted(SumRegressor()), OUTLIER_POLICY="off", LOG_LEVEL="WARNING")
    chance = random.Random(0)
    for _ in range(2_000):
        first, last = ([chance.randrange(-9, 9) for _ in NAMES] for _ in range(2))
        name = chance.choice(NAMES)
        cells = zip(NAMES, last, strict=True)
        named = ", ".join(f'"{n}": {v}' for n, v in [(name, first[0]), *cells])
        features = chance.choice([f"{{{named}}}", json.dumps(last)])
        body = f'{{"features": {first}, "features": {features}}}'
        answer = client.post(FAST, data=body, content_type="application/json").get_json()
        assert answer["result"]["prediction"] == sum(last)


def test_no_answer_is_crossed_with_another(models_dir, serve_model):
    clients = [
        serve_model(
            models_dir / str(factor), fitted(SumRegressor(factor)), sample=BOXES, OUTLIER_POLICY="off"
        )
        for factor in (1.0, 2.0)
    ]

    def crossed(number: int) -> bool:
        value = number * 7919 % 500
        answer = ask(clients[number % 2].application.test_client(), [value, 1, 1], request_id=str(number))
        expected = (value + 2.0) * (1 + number % 2)
        return answer["result"]["prediction"] != expected or answer["request_id"] != str(number)

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(crossed, range(3_000))) == 0


@pytest.mark.server
@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_fast_goes_on_when_redis_does_not(models_dir, serve_with_redis, redis_server, fault):
    client = serve_with_redis(models_dir, fitted(SumRegressor()), REDIS_URL=redis_server.url)
    ask(client, LARGE)
    getattr(redis_server, fault)()
    answers = [ask(client, [value, 1, 1]) for value in (1, 2, 3, 3)]
    assert [answer["result"]["prediction"] for answer in answers] == [3.0, 4.0, 5.0, 5.0]
    assert [answer["cached"] for answer in answers] == [False, False, False, True]
    # None of them waits for the 50 ms of Redis, though any may wait on a busy machine.
    assert min(answer["response_time"] for answer in answers[1:]) < 0.04
