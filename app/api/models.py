"""``/api/models``: look after the versions in the store, of the model that ``?model=name`` names.

All of it needs the scope ``admin``.
"""

from typing import Any

from flask import Blueprint, request

from app.api.choice import asked_service
from app.models import administration
from app.models.ml_models import model_manager

bp = Blueprint("models", __name__, url_prefix="/api/models")


@bp.get("")
def overview() -> dict[str, Any]:
    """Every version of a model with its metrics, size, engine and state, newest first; and all models."""
    service = asked_service()
    return {
        "active": service.store.active(),
        "versions": administration.overview(service),
        "models": administration.readiness(model_manager.services),
    }


@bp.get("/<version>")
def show(version: str) -> dict[str, Any]:
    """One version."""
    return administration.summary(asked_service(), version)


@bp.post("/<version>/verify")
def verify(version: str) -> dict[str, Any]:
    """Whether a version would be let through the gate; nothing changes."""
    return administration.verify(asked_service(), version)


@bp.post("/<version>/activate")
def activate(version: str) -> dict[str, Any]:
    """Verify a version and serve it."""
    return administration.activate(asked_service(), version, wait=_wait())


@bp.post("/rollback")
def roll_back() -> dict[str, Any]:
    """Serve the version that served before."""
    return administration.roll_back(asked_service(), wait=_wait())


@bp.delete("/<version>")
def remove(version: str) -> dict[str, Any]:
    """Remove a version for good."""
    asked_service().store.remove(version)
    return {"version": version, "removed": True}


def _wait() -> bool:
    return request.args.get("wait") == "true"
