import pytest
from flask import Response

from app.middleware.security_headers import HEADERS


@pytest.mark.parametrize("path", ["/api/health/live", "/api/nothing"])
def test_every_answer_carries_them(build_app, path):
    headers = build_app().test_client().get(path).headers
    assert {name: headers.getlist(name) for name, _ in HEADERS} == {name: [value] for name, value in HEADERS}


def test_a_page_may_bring_a_policy_of_its_own(build_app):
    app = build_app()
    policy = "default-src 'self'"
    app.add_url_rule("/page", view_func=lambda: Response("", headers={"Content-Security-Policy": policy}))
    assert app.test_client().get("/page").headers.getlist("Content-Security-Policy") == [policy]


def test_a_rejected_request_gets_them_too(build_app):
    app = build_app(MAX_IN_FLIGHT=1)
    app.extensions["load_shedder"].waiting = lambda: 1
    answer = app.test_client().get("/api/nothing")
    assert answer.status_code == 503
    assert [answer.headers.get(name) for name, _ in HEADERS] == [value for _, value in HEADERS]
