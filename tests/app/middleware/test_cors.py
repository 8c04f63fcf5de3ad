import pytest

ALLOW = "Access-Control-Allow-Origin"
HOSTILE = ["https://evil.example", "null", "https://app.example.com.evil.example", "https://xapp.example.com"]


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


@pytest.mark.parametrize("origin", HOSTILE)
def test_an_origin_that_is_not_listed_may_not_call(build_app, origin):
    app = build_app("production", CORS_ORIGINS="https://app.example.com")
    assert origin_allowed(app, origin) is None
