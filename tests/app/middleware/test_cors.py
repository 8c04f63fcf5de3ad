import pytest

from config import ConfigError
from tests.conftest import configuration

pytestmark = pytest.mark.usefixtures("both_dispatches")

ALLOW = "Access-Control-Allow-Origin"
LISTED = "https://app.example.com"
HOSTILE = [
    "null",
    "*",
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://app.example.comevil",
    "https://xapp.example.com",
    "https://evil.app.example.com",
    "https://app-example.com",
    "https://appxexample.com",
    "https://example.com",
    "https://com",
    "http://app.example.com",
    "HTTPS://APP.EXAMPLE.COM.",
    "https://app.example.com:8443",
    "https://app.example.com@evil.example",
    "https://evil.example/https://app.example.com",
    "https://evil.example?https://app.example.com",
    "https://app.example.com/",
    "https://app.example.com evil.example",
    "https://app.example.com,https://evil.example",
    "file://app.example.com",
    ".*",
]


def origin_allowed(app, origin):
    return app.test_client().get("/api/health/live", headers={"Origin": origin}).headers.get(ALLOW)


@pytest.mark.parametrize("environment", ["testing", "production"])
@pytest.mark.parametrize("origin", HOSTILE)
def test_by_default_no_page_may_call(build_app, environment, origin):
    assert origin_allowed(build_app(environment), origin) is None


def test_in_development_any_page_may_call(build_app):
    assert origin_allowed(build_app("development"), "http://localhost:3000") == "*"


def test_a_listed_origin_may_call(build_app):
    app = build_app("production", CORS_ORIGINS="https://app.example.com,https://b.example.com")
    assert origin_allowed(app, "https://app.example.com") == "https://app.example.com"
    assert origin_allowed(app, "https://b.example.com") == "https://b.example.com"


@pytest.mark.parametrize(
    "other", ["http://1:3000", "http://:3000", "http://[::1]:30001", "http://[::11]:3000"]
)
def test_address_of_version_six_is_compared_literally_too(build_app, other):
    app = build_app("production", CORS_ORIGINS="https://b.example.com,http://[::1]:3000")
    assert origin_allowed(app, "http://[::1]:3000") == "http://[::1]:3000"
    assert origin_allowed(app, "https://b.example.com") == "https://b.example.com"
    assert origin_allowed(app, other) is None


@pytest.mark.parametrize("origin", HOSTILE)
def test_an_origin_that_is_not_listed_may_not_call(build_app, origin):
    app = build_app("production", CORS_ORIGINS=LISTED)
    assert origin_allowed(app, origin) is None
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = app.test_client().options("/api/predict", headers=headers)
    assert not [name for name, _ in preflight.headers if name.startswith("Access-Control-")]


def test_no_page_may_send_credentials(build_app):
    for app in build_app("development"), build_app("production", CORS_ORIGINS=LISTED):
        answer = app.test_client().get("/api/health/live", headers={"Origin": LISTED})
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_page_may_read_what_tells_it_about_limits_and_requests(build_app):
    app = build_app("production", CORS_ORIGINS=LISTED)
    exposed = app.test_client().get("/api/health/live", headers={"Origin": LISTED}).headers
    assert set(exposed["Access-Control-Expose-Headers"].split(", ")) == {
        "X-Request-ID", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"
    }  # fmt: skip


def test_browser_need_not_ask_before_each_call(build_app):
    headers = {"Origin": LISTED, "Access-Control-Request-Method": "POST"}
    client = build_app("production", CORS_ORIGINS=LISTED).test_client()
    assert int(client.options("/api/predict", headers=headers).headers["Access-Control-Max-Age"]) >= 600


def test_preflights_use_up_nobodys_limit(build_app):
    client = build_app("production", CORS_ORIGINS=LISTED, RATE_LIMIT="2/minute", WORKERS=1).test_client()
    headers = {"Origin": LISTED, "Access-Control-Request-Method": "POST"}
    for _ in range(10):
        assert client.options("/api/predict", headers=headers).status_code == 200
    for _ in range(2):
        assert client.post("/api/predict", json={"features": [1]}).status_code == 503  # there is no model
    assert client.post("/api/predict", json={"features": [1]}).status_code == 429


@pytest.mark.parametrize(
    "value",
    [
        "https://*.example.com",
        "*.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "app.example.com",
        "https://.example.com",
        "https://app.example.com:port",
        "https://app.example.com:0",
        "https://app.example.com:99999",
        "https://(a|b).example.com",
        r"https://app\.example\.com",
        "*,https://app.example.com",
        "null",
    ],
)
def test_what_is_no_origin_stops_the_start(models_dir, value):
    with pytest.raises(ConfigError, match="CORS_ORIGINS"):
        configuration(models_dir, CORS_ORIGINS=value)


@pytest.mark.parametrize(
    "value", ["*", "https://a.example", "http://localhost:3000", "capacitor://localhost", ""]
)
def test_what_browsers_send_as_an_origin_is_one(models_dir, value):
    assert ([value] if value else []) == configuration(models_dir, CORS_ORIGINS=value).CORS_ORIGINS
