"""Inner parts of Flask that `dispatch` leans on: a check that the installed Flask has them."""

import inspect
from contextvars import ContextVar

import flask

# Attributes of a request context: `dispatch.RouteContext` sets all of them itself.
CONTEXT = {"app", "request", "url_adapter", "flashes", "_session", "_after_request_functions", "_cv_tokens"}
ENVIRON = {"REQUEST_METHOD": "GET", "SERVER_NAME": "host", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
PARAMETERS = {"handle_user_exception": "e", "handle_exception": "e", "make_response": "rv"}


def missing_parts(app: flask.Flask) -> list[str]:
    """The inner parts that are absent or of another shape; looked for one by one, not by Flask's version."""
    found = {
        **{
            f"flask.globals.{name}": isinstance(vars(flask.globals).get(name), ContextVar)
            for name in ("_cv_app", "_cv_request")
        },
        "flask.ctx.RequestContext": _makes_known_contexts(app),
        "Flask._got_first_request": hasattr(app, "_got_first_request"),
        **{
            f"Flask.{name}({parameter})": _takes(getattr(app, name, None), parameter)
            for name, parameter in PARAMETERS.items()
        },
    }
    return [name for name, present in found.items() if not present]


def _makes_known_contexts(app: flask.Flask) -> bool:
    # In the namespace: a deprecated alias would come with a warning.
    if (known := vars(flask.ctx).get("RequestContext")) is None:
        return False
    context = app.request_context(dict(ENVIRON))
    return type(context) is known and vars(context).keys() == CONTEXT


def _takes(method: object, parameter: str) -> bool:
    return callable(method) and list(inspect.signature(method).parameters) == [parameter]
