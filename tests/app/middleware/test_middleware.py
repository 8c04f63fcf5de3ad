"""The two lists of app.middleware are the order in which a real request meets the middleware."""

import sys

import pytest

from app import middleware
from app.middleware import cors, proxies
from tests.app.middleware.auth.credentials import KEY, with_key

# Classes of other projects, by the module that puts them around the app.
BORROWED = {"werkzeug.middleware.proxy_fix": proxies.__name__, "flask_cors.extension": cors.__name__}
ON = {
    "TRUSTED_PROXIES": 1,
    "CORS_ORIGINS": "*",
    "SERVER_TIMING": "true",
    "RATE_LIMIT": "9/minute",
    "WORKERS": 1,
}


@pytest.fixture
def app(build_app):
    """An app with everything on."""
    return build_app(API_KEY_1=KEY, **ON)


def names(modules):
    return [module.__name__ for module in modules]


def ask(app):
    return app.test_client().get("/api/nothing", headers=with_key(KEY))


def recorded(functions, seen):
    """The functions in their order; each notes its module when it is called."""

    def record(function):
        def call(*arguments):
            seen.append(BORROWED.get(function.__module__, function.__module__))
            return function(*arguments)

        return call

    return [record(function) for function in functions]


def test_layers_are_entered_in_the_order_of_the_list(app):
    entered = []

    def look(frame, event, _):
        if event == "call":
            name = frame.f_globals["__name__"]
            entered.append(BORROWED.get(name, name))

    sys.setprofile(look)
    try:
        ask(app)
    finally:
        sys.setprofile(None)
    layers = set(names(middleware.WSGI))
    assert [name for name in dict.fromkeys(entered) if name in layers] == names(middleware.WSGI)


@pytest.mark.parametrize("path", ["/api/health", "/api/nothing"], ids=["quick dispatch", "Flask's own"])
def test_hooks_run_in_the_order_of_the_list(app, path):
    before, after = [], []
    app.before_request_funcs[None] = recorded(app.before_request_funcs[None], before)
    app.after_request_funcs[None] = recorded(app.after_request_funcs[None], after)
    app.test_client().get(path, headers=with_key(KEY))
    listed = names(middleware.HOOKS)
    assert before == [name for name in listed if name in before]
    assert after == [name for name in reversed(listed) if name in after]
    assert {*before, *after} == set(listed)


def test_a_layer_that_is_switched_off_is_not_there(build_app):
    app = build_app(TRUSTED_PROXIES=0)
    assert proxies.wrap(app, app.wsgi_app) is app.wsgi_app
