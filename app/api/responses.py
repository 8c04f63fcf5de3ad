"""What every successful answer carries besides its result."""

from datetime import UTC, datetime
from typing import Any

from flask import g

from app.api.schemas import Body
from app.models.prediction import Prediction


def now() -> str:
    """The time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def envelope(answer: Prediction, body: Body, **payload: Any) -> dict[str, Any]:
    """A successful answer: the payload, who made it, and the caller's identifiers if there were any."""
    document = {
        "success": True,
        **payload,
        "model_version": answer.model.version,
        "request_id": body.get("request_id") or g.request_id,
        "timestamp": now(),
    }
    if "client_id" in body:
        document["client_id"] = body["client_id"]
    if answer.warnings:
        document["warnings"] = answer.warnings
    return document
