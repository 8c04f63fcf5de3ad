"""The quick dispatch: routes without variables are answered past Flask's own way, the others by it.

Importing it needs the inner parts of Flask 3.1 that `inner_parts` looks for. What is left out costs more than
the rest of a request; the figures are those of a small JSON call, in process, the best of many batches.
"""

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask, signals
from flask.ctx import RequestContext
from flask.globals import _cv_app, _cv_request
from werkzeug.routing import Rule
from werkzeug.utils import cached_property

from app.flask_fast.null_session import NO_SESSION

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SIGNALS = (
    signals.appcontext_pushed,
    signals.appcontext_popped,
    signals.appcontext_tearing_down,
    signals.request_started,
    signals.request_finished,
    signals.request_tearing_down,
)


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
        """The adapter of ``url_for``."""
        return self.app.create_url_adapter(self.request)

    def copy(self) -> RequestContext:
        """As in Flask."""
        return RequestContext(self.app, self.request.environ, self.request, self._session)


class Route(NamedTuple):
    """A rule without variables and everything that runs for it, outermost first.

    Flask collects the hooks anew for each request: 11 µs.
    """

    rule: Rule
    before: list[Callable[[], Any]]
    view: Callable[[], Any]
    after: list[Callable[[Any], Any]]


class QuickDispatch:
    """WSGI callable that answers plain routes; no signals are sent for them, since nobody listens.

    :param app: with its hooks and routes registered before the first request.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._stock = app.wsgi_app

    @cached_property
    def routes(self) -> dict[tuple[str, str], Route]:
        """As found at the first request."""
        return plain_routes(self._app)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        route = self.routes.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if route is None or "werkzeug.debug.preserve_context" in environ:
            return self._stock(environ, start_response)
        app = self._app
        app._got_first_request = True  # as in Flask: nothing may be set up from now on
        context = RouteContext(app, environ, route.rule)
        app_token, token = _cv_app.set(app.app_context()), _cv_request.set(context)
        try:
            try:
                response = _answer(app, route, context)
            except Exception as error:
                response = app.handle_exception(error)
            body: Iterable[bytes] = response(environ, start_response)
            return body
        finally:
            _cv_request.reset(token)
            _cv_app.reset(app_token)
            # As in Flask: breaks a cycle, so that nothing is left to collect.
            environ["werkzeug.request"] = None


def _answer(app: Flask, route: Route, context: RouteContext) -> Any:
    """`Flask.full_dispatch_request`, for a route that is known."""
    try:
        for hook in route.before:
            if (result := hook()) is not None:
                break
        else:
            result = route.view()
    except Exception as error:
        result = app.handle_user_exception(error)
    response: Any = app.make_response(result)
    for finish in (*context._after_request_functions, *route.after):
        response = finish(response)
    return response


def plain_routes(app: Flask) -> dict[tuple[str, str], Route]:
    """(method, path) → route; empty where something was set up that only Flask's own dispatch runs."""
    needs_flask = (
        app.config["SERVER_NAME"],
        app.config["TRUSTED_HOSTS"],
        app.url_map.host_matching,
        app.url_value_preprocessors,
        app.teardown_request_funcs,
        app.teardown_appcontext_funcs,
        *(signal.receivers for signal in SIGNALS),
    )
    if any(needs_flask):
        return {}
    return {
        (method, rule.rule): _plain_route(app, rule)
        for rule in reversed(list(app.url_map.iter_rules()))  # of two with one path the first answers
        if not (rule.arguments or rule.defaults or rule.redirect_to or rule.build_only)
        for method in (rule.methods or set()) - {"OPTIONS"}
    }


def _plain_route(app: Flask, rule: Rule) -> Route:
    blueprints = accumulate(rule.endpoint.split(".")[:-1], "{}.{}".format)  # of "a.b.view": "a", "a.b"
    names = [None, *blueprints]
    before = [hook for name in names for hook in app.before_request_funcs.get(name, ())]
    after = [hook for name in reversed(names) for hook in reversed(app.after_request_funcs.get(name, ()))]
    return Route(rule, before, app.view_functions[rule.endpoint], after)
