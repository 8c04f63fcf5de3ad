"""With a Flask whose inner parts are others the app answers by Flask's own dispatch, and says so once."""

import json
import os
import subprocess
import sys

import flask
import pytest

from app.flask_fast.application import FastFlask
from app.flask_fast.dispatch import QuickDispatch
from app.flask_fast.inner_parts import missing_parts
from tests.settings import ROOT

# As on Flask's main branch, where one context is that of the app and of the request.
PROGRAM = """
import flask
del flask.globals._cv_request, flask.ctx.RequestContext
from run import app
response = app.test_client().post("/api/predict", json={"features": [1, 2, 3]})
print(response.data.decode())
"""


class NewMethod(FastFlask):
    def handle_user_exception(self, ctx, e):
        return super().handle_user_exception(e)


class NewContext(FastFlask):
    def request_context(self, environ):
        context = super().request_context(environ)
        context.tokens = []
        return context


def test_installed_flask_has_all_inner_parts():
    assert missing_parts(flask.Flask("a")) == []
    assert isinstance(FastFlask("a").wsgi_app, QuickDispatch)


@pytest.mark.parametrize(
    ("kind", "missing"),
    [(NewMethod, "Flask.handle_user_exception(e)"), (NewContext, "flask.ctx.RequestContext")],
)
def test_changed_part_is_found_and_leaves_requests_to_flask(kind, missing):
    app = kind("a")
    app.get("/")(lambda: "here")
    assert app.missing_parts == [missing]
    assert not isinstance(app.wsgi_app, QuickDispatch)
    assert app.test_client().get("/").data == b"here"


def test_service_starts_and_answers_without_the_inner_parts(client, models_dir):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=os.environ | {"MODELS_DIR": str(models_dir), "APP_ENV": "testing"},
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, answer = map(json.loads, result.stdout.splitlines())
    expected = client.post("/api/predict", json={"features": [1, 2, 3]}).get_json()
    assert answer["result"] == expected["result"]
    [warning] = [line for line in lines if line["level"] != "info"]
    assert warning["event"] == "this Flask has no quick dispatch"
    assert warning["missing_parts"] == ["flask.globals._cv_request", "flask.ctx.RequestContext"]
    assert "Traceback" not in result.stderr
