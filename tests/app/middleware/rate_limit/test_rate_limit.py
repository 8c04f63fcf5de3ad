from collections import namedtuple

import pytest
from flask import g, request

from app.middleware.auth.authentication import admit_everybody
from app.settings.rate_limits import parse_limit
from config import ConfigError
from tests.assertions import assert_error

Principal = namedtuple("Principal", "id scopes rate_limit")
PATH = "/api/model/info"


@pytest.fixture
def limited(build_app):
    """A client of an app with a limit; requests with ``X-Caller: id limit`` are authenticated as that."""

    def limited(limit="2/minute", **variables):
        app = build_app(**{"RATE_LIMIT": limit, "WORKERS": 1} | variables)
        hooks = app.before_request_funcs[None]
        hooks.insert(hooks.index(admit_everybody) + 1, authenticate)
        return app.test_client()

    return limited


def authenticate():
    name, _, limit = request.headers.get("X-Caller", "").partition(" ")
    if name:
        g.principal = Principal(name, (), parse_limit(limit) if limit else None)


def refused(client, path=PATH, address="127.0.0.1", caller=""):
    answer = client.get(path, environ_base={"REMOTE_ADDR": address}, headers={"X-Caller": caller})
    return answer.status_code == 429


def test_a_request_over_the_limit_is_refused_and_told_when_to_come_back(limited):
    client = limited("1/minute")
    client.get(PATH)
    answer = client.get(PATH)
    assert_error(answer, 429, "rate_limit_exceeded")
    assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"] == "60"
    assert answer.headers["RateLimit-Limit"] == "1"
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.json["details"] == {"retry_after": 60, "limit": 1, "limit_of": "address"}


def test_refusal_says_that_it_was_the_limit_of_the_key(limited):
    client = limited("1/minute")
    answers = [client.get(PATH, headers={"X-Caller": "batch"}) for _ in range(2)]
    assert answers[1].json["details"]["limit_of"] == "key"


def test_every_answer_says_what_is_left(limited):
    client = limited("2/minute")
    answers = [client.get(PATH) for _ in range(3)]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert [len(answer.headers.getlist("RateLimit-Limit")) for answer in answers] == [1, 1, 1]


def test_addresses_do_not_share(limited):
    client = limited("1/minute")
    assert not refused(client, address="127.0.0.2")
    assert refused(client, address="127.0.0.2")
    assert not refused(client, address="127.0.0.3")


def test_a_key_counts_wherever_it_comes_from(limited):
    client = limited("1/minute")
    assert not refused(client, caller="team", address="127.0.0.2")
    assert refused(client, caller="team", address="127.0.0.3")
    assert not refused(client, caller="other", address="127.0.0.3")


def test_a_key_may_have_a_limit_of_its_own(limited):
    client = limited("1/minute")
    assert [refused(client, caller="vip 3 per minute") for _ in range(4)] == [False, False, False, True]


def test_a_key_may_be_limited_where_nobody_else_is(limited):
    client = limited("")
    assert [refused(client, caller="guest 1/minute") for _ in range(2)] == [False, True]
    assert "RateLimit-Limit" not in client.get(PATH).headers


def test_admin_routes_have_a_limit_of_their_own(limited):
    client = limited("1/minute", RATE_LIMIT_ADMIN="2/minute")
    assert refused(client, "/api/models") is False
    assert [refused(client, "/api/models") for _ in range(2)] == [False, True]
    assert [refused(client) for _ in range(2)] == [False, True]


@pytest.mark.parametrize("route", ["predict", "predict/batch", "predict/fast"])
def test_predictions_of_a_named_model_are_not_counted_as_administration(limited, route):
    client = limited("1/minute", RATE_LIMIT_ADMIN="9/minute")
    assert [refused(client, f"/api/models/sums/{route}") for _ in range(2)] == [False, True]


@pytest.mark.parametrize("path", ["/api/health", "/api/health/live", "/api/health/ready"])
def test_probes_are_never_refused(limited, path):
    client = limited("1/minute")
    assert not any(refused(client, path) for _ in range(5))


def test_addresses_that_do_not_exist_are_limited_too(limited):
    client = limited("1/minute")
    assert [refused(client, f"/api/{n}") for n in range(2)] == [False, True]


def test_without_redis_each_worker_admits_its_share(limited):
    client = limited("9/minute", WORKERS=4)
    assert sum(not refused(client) for _ in range(9)) == 2


def test_that_workers_count_for_themselves_is_said_at_the_start(build_app):
    from tests.conftest import configuration

    (notice,) = configuration(build_app().config["MODELS_DIR"], RATE_LIMIT="100/hour", WORKERS=4).notices()
    assert "each of 4 workers" in notice


@pytest.mark.parametrize("limit", ["often", "0/minute", "5 per fortnight"])
def test_a_wrong_limit_stops_the_start(build_app, limit):
    with pytest.raises(ConfigError, match=f"RATE_LIMIT='{limit}': Must be empty or like '100 per hour'"):
        build_app(RATE_LIMIT=limit)


def test_a_limit_that_workers_cannot_share_stops_the_start(build_app):
    with pytest.raises(ConfigError, match="RATE_LIMIT='3/minute': must admit a request to each of WORKERS=4"):
        build_app(RATE_LIMIT="3/minute", WORKERS=4)
    assert build_app(RATE_LIMIT="3/minute", WORKERS=4, REDIS_URL="redis://127.0.0.1:1")


def test_a_wrong_redis_url_is_named_without_its_password(build_app):
    with pytest.raises(ConfigError, match="REDIS_URL: must start with") as caught:
        build_app(REDIS_URL="http://:secret@store")
    assert "secret" not in str(caught.value)


def test_production_is_limited_by_default(build_app):
    answer = build_app("production", WORKERS=1).test_client().get(PATH)
    assert answer.headers["RateLimit-Limit"] == "1000"


@pytest.mark.parametrize("proxies", [0, 1])
def test_a_forged_header_does_not_choose_the_bucket(limited, proxies):
    client = limited("100/minute", TRUSTED_PROXIES=proxies)
    passed = 0
    for n in range(1000):
        forged = f"10.{n % 7}.{n // 250}.{n % 250}"
        # A proxy appends the address that it sees; without one there is only what the caller wrote.
        header = f"{forged}, 192.0.2.1" if proxies else forged
        passed += client.get(PATH, headers={"X-Forwarded-For": header}).status_code != 429
    assert passed == 100


def test_behind_a_proxy_clients_do_not_share(limited):
    client = limited("1/minute", TRUSTED_PROXIES=1)
    answers = [
        client.get(PATH, headers={"X-Forwarded-For": address}).status_code == 429
        for address in ("127.0.0.2", "127.0.0.2", "127.0.0.3")
    ]
    assert answers == [False, True, False]
