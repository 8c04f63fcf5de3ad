"""Flask, with a short way for the routes that have no variables in them.

What is left out costs more than the rest of a request: 63 µs in Flask for a small JSON call, 19 µs here.
The figures in this file are parts of that, in process, the best of many batches. It leans on inner parts of
Flask 3.1 (``_cv_app``, ``_cv_request``, the attributes of `RequestContext`): tests compare it with Flask.
"""

from collections.abc import Callable, Iterable
from io import BytesIO
from itertools import accumulate
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import urlsplit, urlunsplit

import flask
from flask import Flask, signals
from flask.ctx import AppContext, RequestContext
from flask.globals import _cv_app, _cv_request
from flask.sessions import NullSession, SessionInterface
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge
from werkzeug.routing import RequestRedirect, Rule
from werkzeug.utils import cached_property

from app.flask_fast.json_provider import OrjsonProvider

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

NO_SESSION = NullSession()
PART = 128 * 1024  # bytes of a long body that are read at a time
# Key of the environment: a function that counts each part before the next is read, and may raise.
COUNT_BYTES = "service.count_bytes"
SIGNALS = (
    signals.appcontext_pushed,
    signals.appcontext_popped,
    signals.appcontext_tearing_down,
    signals.request_started,
    signals.request_finished,
    signals.request_tearing_down,
)


class NoSessions(SessionInterface):
    """No cookie is read or written; without it Flask looks for one in every request: 3 µs."""

    def open_session(self, app: Flask, request: flask.Request) -> NullSession:
        return NO_SESSION


class Request(flask.Request):
    """A request that reads its body at once, and the usual headers straight from the environment."""

    @cached_property
    def content_length(self) -> int | None:
        """As in Werkzeug."""
        length = self.environ.get("CONTENT_LENGTH", "")
        if length.isascii() and length.isdecimal() and "HTTP_TRANSFER_ENCODING" not in self.environ:
            return int(length)
        return super().content_length

    @property
    def is_json(self) -> bool:
        """As in Werkzeug."""
        return self.environ.get("CONTENT_TYPE") == "application/json" or super().is_json

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body: 13 µs less than Werkzeug's, which reads through a 64 KiB buffer with a limit.

        A chunked body is refused if it is too long, where Werkzeug would silently cut it off.

        :raises RequestEntityTooLarge: if it is longer than ``MAX_CONTENT_LENGTH``.
        :raises ClientDisconnected: if it ends early, or the server gave up waiting for it.
        :raises BadRequest: if it is chunked and a chunk is malformed.
        """
        length, limit = self.content_length, self.max_content_length
        if limit is None or (length is None and "wsgi.input_terminated" not in self.environ):
            return super().stream
        if length is not None and length > limit:
            raise RequestEntityTooLarge
        try:
            body = self._read(limit + 1 if length is None else length)
        except OSError as error:
            raise ClientDisconnected from error
        except ParseException as error:
            raise BadRequest from error
        if len(body) > limit:
            raise RequestEntityTooLarge
        if length is not None and len(body) < length:
            raise ClientDisconnected
        return BytesIO(body)

    def _read(self, size: int) -> bytes:
        """The body up to ``size`` bytes; of a long one each part is counted before the next is read."""
        read: Callable[[int], bytes] = self.environ["wsgi.input"].read
        if size <= PART or (count := self.environ.get(COUNT_BYTES)) is None:
            return read(size)
        body = BytesIO()  # grows, where joining the parts would hold them twice
        while size > 0 and (part := read(min(PART, size))):
            count(self.environ, len(part))
            size -= body.write(part)
        return body.getvalue()


class RouteContext(RequestContext):
    """The context of a request whose rule is known already.

    Finding the host and binding the URL map to it is left to whoever asks (10 µs), as is matching (6 µs).
    """

    def __init__(self, app: Flask, environ: "WSGIEnvironment", rule: Rule) -> None:
        self.app = app
        self.request = app.request_class(environ)
        self.request.json_module = app.json
        self.request.url_rule, self.request.view_args = rule, {}
        self.flashes = None
        self._session = NO_SESSION
        self._after_request_functions = []
        self._cv_tokens = []

    @property
    def url_adapter(self) -> Any:  # type: ignore[override] # an attribute in Flask
        """What ``url_for`` needs."""
        return self.app.create_url_adapter(self.request)


class Route(NamedTuple):
    """A rule without variables and everything that runs for it, outermost first.

    Flask collects the hooks anew for each request: 11 µs.
    """

    rule: Rule
    before: list[Callable[[], Any]]
    view: Callable[[], Any]
    after: list[Callable[[Any], Any]]


class FastFlask(Flask):
    """Flask without sessions; the calls in `plain_routes` it answers itself, the others as Flask does."""

    request_class = Request
    json_provider_class = OrjsonProvider
    session_interface = NoSessions()

    @cached_property
    def plain_routes(self) -> dict[tuple[str, str], Route]:
        """(method, path) → route; empty where something was set up that only Flask's own way runs."""
        needs_flask = (
            self.config["SERVER_NAME"],
            self.config["TRUSTED_HOSTS"],
            self.url_map.host_matching,
            self.url_value_preprocessors,
            self.teardown_request_funcs,
            self.teardown_appcontext_funcs,
            *(signal.receivers for signal in SIGNALS),
        )
        if any(needs_flask):
            return {}
        return {
            (method, rule.rule): self._plain_route(rule)
            for rule in self.url_map.iter_rules()
            if not (rule.arguments or rule.defaults or rule.redirect_to or rule.build_only)
            for method in (rule.methods or set()) - {"OPTIONS"}
        }

    def _plain_route(self, rule: Rule) -> Route:
        blueprints = accumulate(rule.endpoint.split(".")[:-1], "{}.{}".format)  # of "a.b.view": "a", "a.b"
        names = [None, *blueprints]
        before = [hook for name in names for hook in self.before_request_funcs.get(name, ())]
        after = [
            hook for name in reversed(names) for hook in reversed(self.after_request_funcs.get(name, ()))
        ]
        return Route(rule, before, self.view_functions[rule.endpoint], after)

    def raise_routing_exception(self, request: flask.Request) -> NoReturn:
        """As in Flask, but a redirect names no host: the one of the request is the client's word, and its
        scheme is not that of TLS before a proxy."""
        error = request.routing_exception
        if isinstance(error, RequestRedirect):
            target = urlsplit(error.new_url)
            # Of two slashes at its beginning a browser would take what follows for a host.
            path = "/" + target.path.lstrip("/")
            error.new_url = urlunsplit(("", "", path, target.query, ""))
        assert error is not None  # Flask asks only then
        raise error

    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request. No signals are sent for a plain route: nobody listens, see `plain_routes`."""
        path = environ["PATH_INFO"]
        if path.startswith("//"):  # Werkzeug overlooks the second slash, limits and the server do not
            path = environ["PATH_INFO"] = f"/.{path}"
        route = self.plain_routes.get((environ["REQUEST_METHOD"], path))
        if route is None or "werkzeug.debug.preserve_context" in environ:
            return super().wsgi_app(environ, start_response)
        self._got_first_request = True  # as in Flask: nothing may be set up from now on
        context = RouteContext(self, environ, route.rule)
        app_token, token = _cv_app.set(AppContext(self)), _cv_request.set(context)
        try:
            try:
                response: Any = self._answer(route, context)
            except Exception as error:
                response = self.handle_exception(error)
            body: Iterable[bytes] = response(environ, start_response)
            return body
        finally:
            _cv_request.reset(token)
            _cv_app.reset(app_token)
            environ["werkzeug.request"] = (
                None  # as in Flask: breaks a cycle, so that nothing is left to collect
            )

    def _answer(self, route: Route, context: RouteContext) -> Any:
        """What `full_dispatch_request` does, for a route that is known."""
        try:
            for hook in route.before:
                if (result := hook()) is not None:
                    break
            else:
                result = route.view()
        except Exception as error:
            result = self.handle_user_exception(error)
        response: Any = self.make_response(result)
        for finish in (*context._after_request_functions, *route.after):
            response = finish(response)
        return response
