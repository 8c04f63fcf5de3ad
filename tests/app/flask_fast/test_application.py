"""Both dispatches answer as Flask does; what the quick one leaves out shows nowhere but in the time."""

import io

import flask
import pytest
from flask import (
    Blueprint,
    abort,
    after_this_request,
    copy_current_request_context,
    current_app,
    g,
    request,
    session,
    url_for,
)

from app.flask_fast.application import FastFlask
from app.flask_fast.messages import COUNT_BYTES, PART, OrjsonProvider

LIMIT = 1000


class StockFastFlask(FastFlask):
    """As with a Flask that has other inner parts."""

    quick = False


on_both_dispatches = pytest.mark.parametrize("kind", [FastFlask, StockFastFlask])


class Refusal(Exception):
    """Handled by the blueprint."""


class Failure(Exception):
    """Handled by nobody."""


def build(kind, **settings):
    """An app with a bit of everything."""
    app = kind("plain")
    app.json = OrjsonProvider(app)
    app.config.update(MAX_CONTENT_LENGTH=LIMIT, PROPAGATE_EXCEPTIONS=False, **settings)
    bp = Blueprint("calls", "plain", url_prefix="/api")

    @bp.route("/echo", methods=["GET", "POST"])
    def echo():
        g.seen = request.endpoint
        return {
            "body": request.get_json(),
            "where": [request.blueprint, request.url_rule.rule, request.host, url_for(".echo"), g.seen],
            "app": current_app.name,
            "query": request.args,
        }

    @bp.post("/raw")
    def raw():
        return {"length": len(request.get_data())}

    @bp.post("/form")
    def form():
        return dict(request.form)

    @bp.post("/unread")
    def unread():
        return {"read": False}

    @bp.get("/refuse")
    def refuse():
        raise Refusal

    @bp.get("/fail")
    def fail():
        raise Failure

    @bp.get("/conflict")
    def conflict():
        abort(409)

    @bp.get("/nothing")
    def nothing():
        return None

    @bp.get("/late")
    def late():
        @after_this_request
        def mark(response):
            response.headers["X-Late"] = request.path
            return response

        return "late"

    @bp.get("/elsewhere")
    def elsewhere():
        return copy_current_request_context(lambda: request.path)()

    @bp.get("/stream")
    def stream():
        return iter(["a", "b"])

    @bp.get("/created")
    def created():
        return {"a": 1}, 201, {"X-A": "b", "Location": "/ä"}

    @bp.get("/item/<int:number>")
    def item(number):
        return {"number": number}

    @bp.get("/folder/")
    def folder():
        return {}

    @bp.route("/own", methods=["OPTIONS"])
    def own():
        return {"own": True}

    @bp.get("/signed")
    def signed():
        return {"session": dict(session)}

    @bp.errorhandler(Refusal)
    def refused(error):
        return {"error": "refused", "by": request.blueprint}, 400

    @app.errorhandler(404)
    def not_found(error):
        return {"error": "not found"}, 404

    @app.errorhandler(500)
    def internal(error):
        return {"error": repr(error.original_exception)}, 500

    @app.before_request
    def guard():
        if request.headers.get("X-Stop"):
            return {"error": "stopped"}, 401
        return None

    @app.after_request
    def mark(response):
        response.headers["X-Status"] = response.status_code
        return response

    app.register_blueprint(bp)
    return app


CALLS = {
    "json": ("POST", "/api/echo", {"json": {"a": [1, 2]}}),
    "query": ("POST", "/api/echo?b=2", {"json": {}}),
    "not json": ("POST", "/api/echo", {"data": b"nope", "content_type": "application/json"}),
    "other type": ("POST", "/api/echo", {"data": b"{}", "content_type": "text/plain"}),
    "no body": ("POST", "/api/echo", {}),
    "limit": ("POST", "/api/raw", {"data": b"x" * LIMIT}),
    "too long": ("POST", "/api/raw", {"data": b"x" * (LIMIT + 1)}),
    "form": ("POST", "/api/form", {"data": {"a": "1"}}),
    "unread": ("POST", "/api/unread", {"data": b"x" * LIMIT}),
    "unread, too long": ("POST", "/api/unread", {"data": b"x" * (LIMIT + 1)}),
    "stopped by a hook": ("POST", "/api/echo", {"json": {}, "headers": {"X-Stop": "1"}}),
    "bad host": ("GET", "/api/late", {"headers": {"Host": "bad host"}}),
    "wrong method": ("DELETE", "/api/echo", {}),
    "options": ("OPTIONS", "/api/echo", {}),
    "options of the view": ("OPTIONS", "/api/own", {}),
    "head": ("HEAD", "/api/late", {}),
    "head of json": ("HEAD", "/api/signed", {}),
    "blueprint's handler": ("GET", "/api/refuse", {}),
    "unhandled": ("GET", "/api/fail", {}),
    "abort": ("GET", "/api/conflict", {}),
    "no answer": ("GET", "/api/nothing", {}),
    "after this request": ("GET", "/api/late", {}),
    "copied context": ("GET", "/api/elsewhere", {}),
    "stream": ("GET", "/api/stream", {}),
    "tuple": ("GET", "/api/created", {}),
    "variable": ("GET", "/api/item/3", {}),
    "wrong variable": ("GET", "/api/item/x", {}),
    "folder": ("GET", "/api/folder/", {}),
    "nowhere": ("GET", "/nowhere", {}),
}


@on_both_dispatches
@pytest.mark.parametrize(("method", "path", "options"), CALLS.values(), ids=CALLS)
def test_answers_are_those_of_flask(method, path, options, kind):
    flasks, ours = (
        build(each).test_client().open(path, method=method, **options) for each in (flask.Flask, kind)
    )
    assert (ours.status, ours.headers.to_wsgi_list(), ours.data) == (
        flasks.status,
        flasks.headers.to_wsgi_list(),
        flasks.data,
    )


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/tree", "/tree/"),
        ("/tree?a=%20b", "/tree/?a=%20b"),
        ("/evil.example/of", "/evil.example/of/"),
    ],
)
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
@on_both_dispatches
def test_redirect_names_no_host(path, location, host, kind):
    app = kind("plain")
    app.url_map.merge_slashes = False
    for rule in ("/tree/", "/<path:part>/of/"):
        app.add_url_rule(rule, rule.strip("/<>:"), view_func=lambda **_: "here")
    path, _, query = path.partition("?")
    asked = {"PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": host}
    response = app.test_client().get(environ_overrides=asked)
    assert (response.status_code, response.headers["Location"]) == (308, location)


@on_both_dispatches
def test_second_slash_at_the_beginning_is_not_overlooked(kind):
    asked = {"PATH_INFO": "//api/late"}
    assert build(kind).test_client().get(environ_overrides=asked).status_code == 404


def chunked(body):
    """What a WSGI server makes of a chunked body."""
    return {
        "input_stream": io.BytesIO(body),
        "environ_overrides": {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    }


@pytest.mark.parametrize(("size", "status"), [(0, 200), (LIMIT, 200), (LIMIT + 1, 413), (100 * LIMIT, 413)])
@on_both_dispatches
def test_chunked_body_over_the_limit_is_refused(size, status, kind):
    response = build(kind).test_client().post("/api/raw", **chunked(b"x" * size))
    assert response.status_code == status
    assert status == 413 or response.json == {"length": size}


@on_both_dispatches
def test_too_long_a_body_is_not_read(kind):
    body = io.BytesIO(b"x" * (LIMIT + 1))
    response = (
        build(kind)
        .test_client()
        .post("/api/raw", input_stream=body, environ_overrides={"CONTENT_LENGTH": str(LIMIT + 1)})
    )
    assert (response.status_code, body.tell()) == (413, 0)


class Interrupted(io.BytesIO):
    """A client that does not go on sending."""

    def read(self, *_):
        raise BlockingIOError


@pytest.mark.parametrize("stream", [io.BytesIO(b"too short"), Interrupted()], ids=["ends early", "stalls"])
@on_both_dispatches
def test_unfinished_body_is_400(stream, kind):
    response = (
        build(kind)
        .test_client()
        .post("/api/raw", input_stream=stream, environ_overrides={"CONTENT_LENGTH": "100"})
    )
    assert response.status_code == 400


@on_both_dispatches
def test_long_body_is_counted_part_by_part(kind):
    app, parts = build(kind), []
    app.config["MAX_CONTENT_LENGTH"] = 4 * PART
    body = io.BytesIO(b"x" * (2 * PART + 1))
    count = {
        COUNT_BYTES: lambda environ, size: parts.append((body.tell(), size)),
        "CONTENT_LENGTH": str(2 * PART + 1),
    }
    response = app.test_client().post("/api/raw", input_stream=body, environ_overrides=count)
    assert response.json == {"length": 2 * PART + 1}
    assert parts == [(PART, PART), (2 * PART, PART), (2 * PART + 1, 1)]


def test_hooks_run_in_flasks_order():
    def calls(kind):
        log = []
        app, outer, inner = (
            kind("a"),
            Blueprint("outer", "a", url_prefix="/o"),
            Blueprint("inner", "a", url_prefix="/i"),
        )
        inner.get("/x")(lambda: "x")

        def note(text):
            return lambda *response: log.append(text) or (response[0] if response else None)

        for part, name in ((app, "app"), (outer, "outer"), (inner, "inner")):
            for turn in "12":
                part.before_request(note(f"before {name} {turn}"))
                part.after_request(note(f"after {name} {turn}"))
        outer.register_blueprint(inner)
        app.register_blueprint(outer)
        assert app.test_client().get("/o/i/x").data == b"x"
        return log

    assert calls(FastFlask) == calls(flask.Flask)
    assert len(calls(FastFlask)) == 12


def test_no_context_is_left_behind():
    for path in ("/api/late", "/api/fail", "/api/nothing"):
        build(FastFlask).test_client().get(path)
        assert not flask.has_request_context()
        assert not flask.has_app_context()


def test_test_client_may_keep_the_context():
    with build(FastFlask).test_client() as client:
        client.post("/api/echo", json={})
        assert request.path == "/api/echo"
        assert g.seen == "calls.echo"


def test_errors_propagate_in_tests():
    app = build(FastFlask)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(Failure):
        app.test_client().get("/api/fail")


def test_nothing_may_be_set_up_after_the_first_request():
    app = build(FastFlask)
    app.test_client().get("/api/late")
    with pytest.raises(AssertionError, match="can no longer be called"):
        app.before_request(lambda: None)


@on_both_dispatches
def test_sessions_cannot_be_written(kind):
    app = build(kind)
    app.get("/write")(lambda: session.update(a=1))
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(RuntimeError, match="session is unavailable"):
        app.test_client().get("/write")
