"""Error handling: every exception becomes an answer of one shape."""

import logging
from typing import Any

from flask import Flask, current_app, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.api.dialects import error_shape
from app.exceptions import ServiceError
from app.middleware import metrics
from app.middleware.logging.request_log import OTHER_METHOD, UNMATCHED
from app.middleware.request_id import HEADER, request_id_of
from app.middleware.security_headers import HEADERS

log = logging.getLogger(__name__)

# One status per type; docs/errors.md says what a client can do about it.
STATUS = {
    "validation_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "conflict": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "rate_limit_exceeded": 429,
    "internal_error": 500,
    "model_error": 503,
    "overloaded": 503,
}
HTTP_ERROR_TYPES = {status: name for name, status in STATUS.items() if name != "model_error"}
GENERIC_MESSAGE = "The service failed to answer this request"
HTTP_MESSAGES = {
    404: "There is nothing at this address",
    405: "This method is not allowed here",
    413: "The request body is too large",
    414: "The address is too long",
    417: "The expectation in the request headers cannot be met",
    431: "The request headers are too large",
    500: GENERIC_MESSAGE,
    501: "This transfer coding is not known here",
}
# The label ``reason`` of `requests_refused_total`, by type; other errors are not rejections.
REJECTION_REASONS = {
    "authentication_error": "authentication",
    "permission_error": "permission",
    "method_not_allowed": "other",
    "payload_too_large": "payload_too_large",
    "unsupported_media_type": "other",
    "rate_limit_exceeded": "rate_limit",
    "overloaded": "overloaded",
}


def init_app(app: Flask) -> None:
    """Render every error in the API's one shape."""
    app.register_error_handler(Exception, handle)


def handle(error: Exception) -> ResponseReturnValue:
    """Answer an exception of a view, a hook or Flask itself."""
    if isinstance(error, ServiceError) and STATUS[error.error_type] != 500:
        return *_render(error.error_type, error.message, error.details), error.headers
    if isinstance(error, HTTPException) and (error.code or 500) < 500:
        return _render_http(error)
    # No detail leaves the service: the traceback is in the log, under the same request id.
    log.error("request failed", exc_info=error)
    return _render("internal_error", GENERIC_MESSAGE, {})


def page_without_request(app: Flask, status: int) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body for a request that the server rejects before the app sees it; it counts as one."""
    error_type = HTTP_ERROR_TYPES.get(status, "validation_error")
    message = HTTP_MESSAGES.get(status, "The request is not valid HTTP")
    counted = metrics.instruments_of(app)
    counted.requests.labels(UNMATCHED, OTHER_METHOD, status).inc()
    counted.recent.count()
    request_id = request_id_of("")
    with app.app_context():
        if reason := REJECTION_REASONS.get(error_type, "other" if status != 500 else None):
            metrics.count_rejected(reason)
        body = app.json.dumps(_document(error_type, message, {}, request_id)).encode()
    return [("Content-Type", "application/json"), (HEADER, request_id), *HEADERS], body


def _render_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    error_type = HTTP_ERROR_TYPES.get(status, "validation_error")
    # Those name the formats, and only the raiser knows which are accepted.
    message = str(error.description) if status in (406, 415) else HTTP_MESSAGES.get(status, error.name)
    details = {"limit": request.max_content_length} if status == 413 else {}
    body, status = _render(error_type, message, details)
    headers = [(k, v) for k, v in error.get_headers() if k.lower() not in {"content-type", "content-length"}]
    return body, status, headers


def _render(error_type: str, message: str, details: dict[str, Any]) -> tuple[dict[str, Any], int]:
    if reason := REJECTION_REASONS.get(error_type):
        metrics.count_rejected(reason)
    status, document = STATUS[error_type], _document(error_type, message, details, g.request_id)
    shape = error_shape(current_app)
    return shape(status, document) if shape else document, status


def _document(error_type: str, message: str, details: dict[str, Any], request_id: str) -> dict[str, Any]:
    return {"error": message, "error_type": error_type, "details": details, "request_id": request_id}
