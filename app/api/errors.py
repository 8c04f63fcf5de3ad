"""The one place that turns what went wrong into HTTP."""

import logging
from typing import Any

from flask import Flask, g
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError

from app.exceptions import ServiceError
from app.middleware import metrics
from app.middleware.running import running_request

log = logging.getLogger(__name__)

# Each type has one status; docs/errors.md says what a caller can do about it.
STATUS = {
    "validation_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "rate_limit_exceeded": 429,
    "internal_error": 500,
    "model_error": 503,
    "overloaded": 503,
}
HTTP_ERROR_TYPES = {
    status: error_type for error_type, status in STATUS.items() if error_type != "model_error"
}
HTTP_MESSAGES = {
    404: "There is nothing at this address",
    405: "This method is not allowed here",
    413: "The request body is too large",
    415: "The request body must be application/json, not compressed",
}
# What `requests_refused_total` calls those that are refused before their work.
REFUSALS = {
    "authentication_error": "authentication",
    "permission_error": "permission",
    "method_not_allowed": "other",
    "payload_too_large": "payload_too_large",
    "unsupported_media_type": "other",
    "rate_limit_exceeded": "rate_limit",
    "overloaded": "overloaded",
}
GENERIC_MESSAGE = "The service failed to answer this request"


def init_app(app: Flask) -> None:
    """Render every error in the API's one shape."""
    app.register_error_handler(Exception, handle)


def handle(error: Exception) -> ResponseReturnValue:
    """Answer an exception that left a view, or one that Flask raised itself."""
    if isinstance(error, ServiceError) and STATUS[error.error_type] != 500:
        return *_render(error.error_type, error.message, error.details), error.headers
    if isinstance(error, HTTPException) and (error.code or 500) < 500:
        return _render_http(error)
    # Nothing of the inside leaves the service: the traceback is in the log, under the same request id.
    log.error("request failed", exc_info=error)
    return _render("internal_error", GENERIC_MESSAGE, {})


def _render_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or InternalServerError.code
    error_type = HTTP_ERROR_TYPES.get(status, "validation_error")
    message = HTTP_MESSAGES.get(status, error.name)
    details = {"limit": running_request().max_content_length} if status == 413 else {}
    body, status = _render(error_type, message, details)
    headers = [(k, v) for k, v in error.get_headers() if k.lower() not in {"content-type", "content-length"}]
    return body, status, headers


def _render(error_type: str, message: str, details: dict[str, Any]) -> tuple[dict[str, Any], int]:
    if reason := REFUSALS.get(error_type):
        metrics.refused(reason)
    body = {
        "error": message,
        "error_type": error_type,
        "details": details,
        "request_id": g.request_id,
    }
    return body, STATUS[error_type]
