import re

import pytest
from flask import g

from app.exceptions import RateLimitExceeded
from app.middleware.auth.failed_attempts import FailureLimit
from app.middleware.auth.principal import ANONYMOUS, EVERYBODY, Principal
from app.middleware.rate_limit.memory_windows import MAX_KEYS
from app.middleware.route_table import ROUTE_TABLE
from app.settings.rate_limits import parse_limit
from config import SCOPES, ConfigError, load_config
from tests.app.middleware.auth.credentials import (
    KEY,
    LONG_AGO,
    PEPPER,
    TOKENS,
    add_key,
    token,
    with_key,
    with_token,
)
from tests.assertions import assert_error
from tests.conftest import configuration
from tests.settings import ROOT

pytestmark = pytest.mark.usefixtures("both_dispatches")

WRONG = "wrong-horse-battery-staple"
INFO = "/api/model/info"  # without a model: 503 to those who may ask


@pytest.fixture
def keys_file(tmp_path):
    return tmp_path / "keys.jsonl"


@pytest.fixture
def build_filed(build_app, keys_file):
    """Make an app that takes the keys of `keys_file`; failures do not count in practice."""
    return lambda: build_app(
        API_KEYS_FILE=keys_file, API_KEY_PEPPER=PEPPER, AUTH_FAILURE_LIMIT="100000/second"
    )


def ask(app, headers=None, path=INFO, **options):
    return app.test_client().get(path, headers=headers, **options)


def caller_of(app, headers=None):
    """Who the app takes the sender of these headers for."""
    seen = []
    app.after_request(lambda response: seen.append(g.principal) or response)
    assert_error(ask(app, headers), 503, "model_error")
    return seen[0]


def calls(app):
    """Each route with each of its methods, and the scope it needs."""
    for rule in app.url_map.iter_rules():
        path = re.sub("<[^>]*>", "x", rule.rule)
        for method in rule.methods - {"OPTIONS"}:
            yield method, path, app.extensions[ROUTE_TABLE].scopes[rule.endpoint]


def test_a_forgotten_route_needs_admin(build_app):
    app = build_app(API_KEY_1=KEY, API_KEY_SCOPES="predict,metrics")
    app.add_url_rule("/forgotten", view_func=lambda: "secret")
    assert_error(ask(app, with_key(KEY), "/forgotten"), 403, "permission_error")


def test_only_probes_and_the_page_of_the_documentation_are_open(build_app):
    app = build_app()
    assert {path for _, path, scope in calls(app) if scope is None} == {
        "/api/health",
        "/api/health/live",
        "/api/health/ready",
        "/ping",
        "/health",
        "/version",
        "/",
        "/v1/models/default",
        "/v1/models/x",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/x/ready",
        "/v2/models/x/versions/x/ready",
        "/docs",  # a page, which needs a key for whatever it shows
        "/assets/x/x",
        "/docs/x",
    }


@pytest.mark.parametrize("kind", ["missing", "invalid", "expired", "revoked"])
def test_every_route_refuses_a_caller_without_a_valid_key(build_filed, keys_file, kind):
    keys = {
        "invalid": add_key(keys_file, scopes=SCOPES)[:-1] + "~",
        "expired": add_key(keys_file, scopes=SCOPES, expires_at=LONG_AGO),
        "revoked": add_key(keys_file, scopes=SCOPES, revoked_at=LONG_AGO),
    }
    app = build_filed()
    client = app.test_client()
    headers = with_key(keys[kind]) if kind in keys else {}
    refused = 0
    for method, path, scope in calls(app):
        response = client.open(path, method=method, headers=headers)
        if scope is None:
            assert response.status_code in {200, 404, 503}  # there is no model x
            continue
        refused += 1
        assert response.status_code == 401
        if method != "HEAD" and path.startswith("/api/"):  # dialects have their own shapes
            assert_error(response, 401, "authentication_error")
            assert response.get_json()["details"] == {"reason": kind}
        assert response.headers["WWW-Authenticate"] == 'ApiKey realm="api"'
    assert refused >= 3


def test_every_route_refuses_a_key_of_another_scope_and_names_the_one_it_needs(build_filed, keys_file):
    keys = {scope: add_key(keys_file, scopes=set(SCOPES) - {scope}) for scope in SCOPES}
    app = build_filed()
    client = app.test_client()
    for method, path, scope in calls(app):
        if scope is None or method == "HEAD":
            continue
        response = client.open(path, method=method, headers=with_key(keys[scope]))
        assert response.status_code == 403
        if path.startswith("/api/"):  # dialects have their own shapes
            assert_error(response, 403, "permission_error")
            assert response.get_json()["details"] == {"scope": scope}


def test_a_key_of_the_environment_may_ask(build_app):
    app = build_app(API_KEY_1=KEY, API_KEY_7="another-key-of-this-service")
    for key in (KEY, "another-key-of-this-service"):
        assert_error(ask(app, with_key(key)), 503, "model_error")


def test_keys_of_the_environment_have_the_scopes_of_the_setting(build_app):
    assert caller_of(build_app(API_KEY_1=KEY), with_key(KEY)) == Principal(
        "API_KEY_1", frozenset({"predict"})
    )
    wide = build_app(API_KEY_1=KEY, API_KEY_SCOPES="predict,admin,metrics")
    assert caller_of(wide, with_key(KEY)).scopes == frozenset(SCOPES)


def test_a_key_of_the_file_carries_its_id_scopes_and_limit(build_filed, keys_file):
    key = add_key(keys_file, rate_limit="7/minute")
    caller = caller_of(build_filed(), with_key(key))
    assert caller == Principal(key.split("_")[1], frozenset({"predict"}), parse_limit("7/minute"))


def test_a_key_with_a_limit_that_admits_nothing_has_the_usual_one_and_is_told(build_filed, keys_file, logged):
    key = add_key(keys_file, rate_limit="0/minute")
    assert caller_of(build_filed(), with_key(key)).rate_limit is None
    assert [line["limit"] for line in logged() if line["event"] == "the rate limit of a key is none"] == [
        "0/minute"
    ]


def test_a_token_names_its_subject(build_app):
    app = build_app(**TOKENS)
    assert caller_of(app, with_token(token())) == Principal("jwt:alice", frozenset({"predict"}))


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_written_in_any_case(build_app, word):
    response = ask(build_app(**TOKENS), {"Authorization": f"{word} {token()}"})
    assert_error(response, 503, "model_error")


def test_a_key_and_a_token_at_once_are_refused(build_app):
    response = ask(build_app(**TOKENS, API_KEY_1=KEY), with_key(KEY) | with_token(token()))
    assert_error(response, 401, "authentication_error")
    assert response.get_json()["details"] == {"reason": "ambiguous"}


def test_the_challenge_names_what_is_accepted(build_app):
    both = ask(build_app(**TOKENS, API_KEY_1=KEY))
    assert both.headers["WWW-Authenticate"] == 'ApiKey realm="api", Bearer realm="api"'
    assert ask(build_app(**TOKENS)).headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_what_is_not_configured_is_not_accepted(build_app):
    assert_error(ask(build_app(API_KEY_1=KEY), with_token(token())), 401, "authentication_error")
    assert_error(ask(build_app(**TOKENS), with_key(KEY)), 401, "authentication_error")


@pytest.mark.parametrize("authorization", ["Basic dTpw", "Bearer", "", "Negotiate x"])
def test_another_scheme_is_no_attempt(build_app, authorization):
    response = ask(build_app(**TOKENS), {"Authorization": authorization})
    assert response.get_json()["details"] == {"reason": "missing"}


@pytest.mark.parametrize("path", ["/api/health/live", "/api/nothing", "/api/model/info"])
def test_a_preflight_and_what_is_not_there_need_no_key(build_app, path):
    app = build_app(API_KEY_1=KEY, CORS_ORIGINS="https://app.example.com")
    response = app.test_client().options(path, headers={"Origin": "https://app.example.com"})
    assert response.status_code in {200, 404}


def test_a_refusal_tells_a_listed_page_why(build_app):
    app = build_app(API_KEY_1=KEY, CORS_ORIGINS="https://app.example.com")
    response = ask(app, {"Origin": "https://app.example.com"})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"


def test_wrong_method_and_unknown_address_are_the_same_with_and_without_a_key(build_app):
    client = build_app(API_KEY_1=KEY).test_client()
    assert_error(client.get("/api/predict"), 405, "method_not_allowed")
    assert_error(client.get("/api/nothing"), 404, "not_found")


def test_failed_attempts_are_limited_per_address(build_app):
    app = build_app(API_KEY_1=KEY, AUTH_FAILURE_LIMIT="3/minute")
    for _ in range(3):
        assert_error(ask(app, with_key(WRONG)), 401, "authentication_error")
    response = ask(app, with_key(WRONG))
    assert_error(response, 429, "rate_limit_exceeded")
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert response.get_json()["details"] == {"retry_after": int(response.headers["Retry-After"])}
    assert_error(ask(app, with_key(KEY)), 503, "model_error")  # a good key passes: there is only no model
    elsewhere = ask(app, with_key(WRONG), environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert_error(elsewhere, 401, "authentication_error")
    assert ask(app, path="/api/health/live").status_code == 200


def test_a_refused_address_may_try_again_after_retry_after():
    now = 1_000.0
    failures = FailureLimit("2/minute", clock=lambda: now)
    failures.count("192.0.2.1")
    now += 10
    failures.count("192.0.2.1")
    with pytest.raises(RateLimitExceeded) as refused:
        failures.count("192.0.2.1")
    assert refused.value.headers == {"Retry-After": "50"}
    now += 49.5
    with pytest.raises(RateLimitExceeded):
        failures.count("192.0.2.1")
    now += 0.5
    failures.count("192.0.2.1")


def test_attempts_that_were_refused_do_not_prolong_the_refusal():
    now = 1_000.0
    failures = FailureLimit("1/minute", clock=lambda: now)
    failures.count("192.0.2.1")
    for _ in range(50):
        now += 1
        with pytest.raises(RateLimitExceeded):
            failures.count("192.0.2.1")
    now += 10
    failures.count("192.0.2.1")


def test_strangers_cannot_fill_the_memory_with_failures():
    failures = FailureLimit("20/minute", clock=lambda: 1_000.0)
    for number in range(MAX_KEYS + 5_000):
        failures.count(f"2001:db8:{number:x}::1")
    assert len(failures._windows._times) == MAX_KEYS


def test_a_request_without_a_key_is_no_failed_attempt(build_app):
    app = build_app(API_KEY_1=KEY, AUTH_FAILURE_LIMIT="1/minute")
    assert [ask(app).status_code for _ in range(5)] == [401] * 5


def test_failures_of_one_ipv6_network_count_together():
    failures = FailureLimit("1/minute", clock=lambda: 1_000.0)
    failures.count("2001:db8:1:2:3::4")
    failures.count("2001:db8:1:3::1")
    with pytest.raises(RateLimitExceeded):
        failures.count("2001:db8:1:2:ffff::1")


def test_development_without_keys_is_open_and_its_workers_do_not_repeat_it(build_app, capsys):
    assert caller_of(build_app("development")) == EVERYBODY
    assert load_config("development").notices() == ["Authentication is off: every caller may do everything"]
    assert "Authentication is off" not in capsys.readouterr().out


def test_auth_may_be_disabled_on_purpose(build_app, models_dir):
    app = build_app("production", AUTH_DISABLED="true", API_KEY_1=KEY)
    settings = configuration(models_dir, "production", AUTH_DISABLED="true", API_KEY_1=KEY, WORKERS=1)
    assert settings.notices()[0] == "Authentication is off: every caller may do everything"
    assert caller_of(app) == EVERYBODY


def test_on_an_open_route_nobody_is_known(build_app):
    app = build_app(API_KEY_1=KEY)
    seen = []
    app.after_request(lambda response: seen.append(g.principal) or response)
    ask(app, with_key(KEY), "/api/health/live")
    ask(app, with_key(WRONG))
    assert seen == [ANONYMOUS, ANONYMOUS]


def test_production_without_keys_does_not_start(build_app):
    with pytest.raises(ConfigError, match="AUTH_DISABLED=true"):
        build_app("production", AUTH_DISABLED="false")


@pytest.mark.parametrize("variables", [{"API_KEY_1": KEY}, TOKENS], ids=["key", "token"])
def test_production_with_keys_or_tokens_starts(build_app, variables):
    app = build_app("production", AUTH_DISABLED="false", **variables)
    assert_error(ask(app), 401, "authentication_error")


def test_production_whose_key_file_is_empty_refuses_everybody_and_says_so(build_app, keys_file, logged):
    app = build_app("production", AUTH_DISABLED="false", API_KEYS_FILE=keys_file, API_KEY_PEPPER=PEPPER)
    assert "there is no API key yet" in logged()[0]["event"]
    assert_error(ask(app, with_key(KEY)), 401, "authentication_error")


@pytest.mark.parametrize("environment", ["development", "testing", "production"])
@pytest.mark.parametrize("name", ["API_KEY_1", "API_KEY_12", "API_KEY_PEPPER", "JWT_SECRET"])
@pytest.mark.parametrize(
    "value",
    ["", "demo_key_123", "your_secure_api_key_here", "changeme", "ChangeMe-ChangeMe-ChangeMe-1234567",
     "fifteen-letters", "aaaaaaaaaaaaaaaa", "abababababababababababababababababab", "0123456789abcdef" * 2,
     "passwordpasswordpasswordpassword", "abc-abc-abc-abc-abc-abc-abc-abc-abc",
     "adminadminadminadminadminadminad1", "<your-api-key-here>-0123456789abc",
     "replace-me-with-32-random-letters",
     "11112222333344445555666677778888",
     "dummy-key-dummy-dummy-key-dummy-key", "your-secret-key-goes-here-and-your-token",
     "placeholder-key1-placeholder-key1-xy", "test-key-1234567-test-key-12345678",
     "01020304050607080910111213141516", "001002003004005006007008009010011",
     "with spaces in the middle of it, alas", "schlüssel-mit-umlaut-und-noch-mehr"],
)  # fmt: skip
def test_a_guessable_secret_stops_the_start_and_is_not_shown(monkeypatch, environment, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=rf"{name}=\*\*\*") as refused:
        load_config(environment)
    assert not value or value not in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"API_KEYS_FILE": "keys.jsonl"}, "API_KEY_PEPPER is not set"),
        (TOKENS | {"JWT_PUBLIC_KEY": "x"}, "JWT_PUBLIC_KEY is set: JWT_ALGORITHM=HS256 uses JWT_SECRET"),
        (TOKENS | {"JWT_ALGORITHM": "RS256"}, "JWT_SECRET is set: JWT_ALGORITHM=RS256 uses JWT_PUBLIC_KEY"),
        (TOKENS | {"JWT_ALGORITHM": "none"}, "JWT_ALGORITHM='none'"),
        ({"JWT_ALGORITHM": "HS512"}, "JWT_ALGORITHM='HS512'"),
        ({"JWT_SECRET": TOKENS["JWT_SECRET"]}, "JWT_AUDIENCE is not set"),
        ({"JWT_ISSUER": "x"}, "JWT_SECRET is not set"),
        (TOKENS | {"JWT_ALGORITHM": "RS256", "JWT_SECRET": ""}, r"JWT_SECRET=\*\*\*"),
        ({"JWT_SECRET": "sixteen-letters-x"}, r"JWT_SECRET=\*\*\*: Shorter than minimum length 32"),
        ({"AUTH_FAILURE_LIMIT": "0/minute"}, "AUTH_FAILURE_LIMIT='0/minute'"),
        ({"AUTH_FAILURE_LIMIT": "often"}, "AUTH_FAILURE_LIMIT='often'"),
        ({"AUTH_FAILURE_LIMIT": "1/second;5/hour"}, "AUTH_FAILURE_LIMIT="),
        ({"API_KEY_SCOPES": "predict,root"}, "API_KEY_SCOPES='predict,root'"),
    ],
)
def test_settings_that_do_not_fit_together_stop_the_start(build_app, variables, message):
    with pytest.raises(ConfigError, match=message):
        build_app(**variables)


def test_a_secret_may_be_in_a_file_with_a_line_end(build_app, tmp_path):
    (tmp_path / "secret").write_text(f"{KEY}\n")
    assert_error(ask(build_app(API_KEY_1_FILE=tmp_path / "secret"), with_key(KEY)), 503, "model_error")


def test_secrets_are_in_no_answer_no_log_and_no_configuration(build_app, capsys):
    canary = "canary-4d1f0c-of-a-key"
    app = build_app("production", AUTH_DISABLED="false", API_KEY_1=canary, **TOKENS)
    answers = [ask(app, headers) for headers in (with_key(canary), with_key(f"{canary}x"), {})]
    written = "".join(answer.get_data(as_text=True) + str(answer.headers) for answer in answers)
    written += capsys.readouterr().out + repr(app.config) + repr(vars(guard_of(app)))
    assert canary not in written.replace(TOKENS["JWT_SECRET"], "")


def guard_of(app):
    return next(
        hook.__self__._keys
        for hook in app.before_request_funcs[None]
        if hasattr(getattr(hook, "__self__", None), "_keys")
    )


def test_refusals_cost_no_model(build_app, serve):
    from tests.estimators import SumClassifier, fitted

    client = serve(fitted(SumClassifier()), API_KEY_1=KEY)
    body = {"features": [1, 2, 3]}
    assert_error(client.post("/api/predict", json=body), 401, "authentication_error")
    assert client.post("/api/predict", json=body, headers=with_key(KEY)).status_code == 200


def test_the_documentation_names_every_scope_of_the_table():
    text = (ROOT / "docs" / "security.md").read_text()
    assert [scope for scope in SCOPES if f"`{scope}`" not in text] == []
