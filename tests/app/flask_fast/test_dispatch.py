"""Which requests the quick dispatch answers itself; test_application.py compares the answers."""

import flask
import pytest

from app import create_app
from app.flask_fast.application import FastFlask
from app.flask_fast.dispatch import plain_routes
from config import load_config
from tests.app.flask_fast.test_application import build


def test_plain_routes_are_those_without_variables():
    paths = {path for _, path in plain_routes(build(FastFlask))}
    assert {"/api/echo", "/api/folder/"} <= paths
    assert not any("item" in path for path in paths)


NEEDS_FLASK = {
    "trusted hosts": lambda app: app.config.update(TRUSTED_HOSTS=["localhost"]),
    "server name": lambda app: app.config.update(SERVER_NAME="localhost"),
    "teardown": lambda app: app.teardown_request(lambda error: None),
    "app teardown": lambda app: app.teardown_appcontext(lambda error: None),
    "url values": lambda app: app.url_value_preprocessor(lambda endpoint, values: None),
}


@pytest.mark.parametrize("set_up", NEEDS_FLASK.values(), ids=NEEDS_FLASK)
def test_where_flasks_own_way_is_needed_there_are_no_plain_routes(set_up):
    app = build(FastFlask)
    set_up(app)
    assert app.test_client().get("/api/late").data == b"late"
    assert plain_routes(app) == {}


def test_listeners_to_signals_are_served():
    app, heard = build(FastFlask), []

    def listen(sender, **_):
        heard.append(sender)

    with flask.request_started.connected_to(listen, app):
        app.test_client().get("/api/late")
    assert heard == [app]


def test_the_service_answers_its_own_routes_the_short_way(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    app = create_app(load_config("testing"))
    expected = {("POST", "/api/predict"), ("POST", "/api/predict/batch"), ("GET", "/api/health")}
    assert expected <= set(plain_routes(app))
