"""A running service as the target: its key, its limits, its silence."""

import json

import click
import pytest

from app.cli.replay.targets import RunningService

ANSWERED = {"predictions": [0]}


def success():
    return 200, {}, json.dumps(ANSWERED).encode()


def test_request_goes_below_the_path_of_the_url_with_the_key(service):
    service.answers = [success()]
    assert service.connect("/ml/", key="secret").send("/invocations", [1]) == (200, ANSWERED)
    assert service.requests == [("/ml/invocations", "secret", [1])]


def test_rate_limit_is_waited_for(service):
    service.answers = [(429, {"Retry-After": "7"}, b"{}"), (503, {"Retry-After": "90"}, b"{}"), success()]
    waited = []
    assert service.connect(sleep=waited.append).send("/", {}).status == 200
    assert waited == [7, 60]


def test_refusal_is_an_answer(service):
    service.answers = [(400, {}, b'{"error": "no"}'), (503, {}, b"<html>")]
    target = service.connect()
    assert target.send("/", {}) == (400, {"error": "no"})
    assert target.send("/", {}) == (503, "<html>")


def test_connection_that_was_closed_is_made_anew(service):
    service.answers = [(200, {"Connection": "close"}, b"[1]"), (200, {}, b"[2]")]
    target = service.connect()
    assert [target.send("/", {}).document for _ in range(2)] == [[1], [2]]


def test_service_that_rejects_the_key_ends_the_replay_without_naming_it(service):
    service.answers = [(401, {}, b'{"error": "The key or token is not valid"}')]
    with pytest.raises(click.ClickException, match=r"not valid.*FLASK_ML_API_KEY") as raised:
        service.connect(key="secret").send("/", {})
    assert "secret" not in raised.value.message


def test_service_that_is_not_there_ends_the_replay():
    with pytest.raises(click.ClickException, match="does not answer"):
        RunningService("http://127.0.0.1:1").send("/", {})
