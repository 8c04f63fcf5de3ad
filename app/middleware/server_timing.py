"""``Server-Timing``: where a prediction's time went, shown by browsers' developer tools."""

from time import perf_counter

from flask import Flask, Response, g

from app.middleware.logging.request_log import RequestRecord


def init_app(app: Flask) -> None:
    """Add the header, if ``SERVER_TIMING`` is set."""
    if app.config["SERVER_TIMING"]:
        app.after_request(add_header)


def add_header(response: Response) -> Response:
    """Milliseconds before the model (limits, decoding, validation), in it, and after it (encoding)."""
    record: RequestRecord = g.record
    if record.answered:
        parts = {
            "decode": record.answered - record.started - record.model_seconds,
            "model": record.model_seconds,
            "encode": perf_counter() - record.answered,
        }
        response.headers["Server-Timing"] = ", ".join(
            f"{name};dur={seconds * 1000:.3f}" for name, seconds in parts.items()
        )
    return response
