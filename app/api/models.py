"""``/api/models``: look after the versions in the store. All of it needs the scope ``admin``."""

from typing import Any

from flask import Blueprint, request

from app.models import administration
from app.models.ml_models import model_manager

bp = Blueprint("models", __name__, url_prefix="/api/models")


@bp.get("")
def overview() -> dict[str, Any]:
    """Every version with its metrics, size, engine and state, newest first."""
    service = model_manager.service
    return {"active": service.store.active(), "versions": administration.overview(service)}


@bp.get("/<version>")
def show(version: str) -> dict[str, Any]:
    """One version."""
    return administration.summary(model_manager.service, version)


@bp.post("/<version>/verify")
def verify(version: str) -> dict[str, Any]:
    """Whether a version would be let through the gate; nothing changes."""
    return administration.verify(model_manager.service, version)


@bp.post("/<version>/activate")
def activate(version: str) -> dict[str, Any]:
    """Verify a version and serve it."""
    return administration.activate(model_manager.service, version, wait=_wait())


@bp.post("/rollback")
def roll_back() -> dict[str, Any]:
    """Serve the version that served before."""
    return administration.roll_back(model_manager.service, wait=_wait())


@bp.delete("/<version>")
def remove(version: str) -> dict[str, Any]:
    """Remove a version for good."""
    model_manager.service.store.remove(version)
    return {"version": version, "removed": True}


def _wait() -> bool:
    return request.args.get("wait") == "true"
