"""``/api/models``: look after the versions in the store, of the model that ``?model=name`` names.

All of it needs the scope ``admin``.
"""

from typing import Any

from flask import Blueprint, request

from app.api.choice import asked_service
from app.api.decoding import load_body
from app.api.schemas import RoutingSchema
from app.middleware.comparison import compare
from app.middleware.metrics import of_app
from app.models import administration
from app.models.ml_models import model_manager
from app.models.routing import parse
from app.models.services import DEFAULT

bp = Blueprint("models", __name__, url_prefix="/api/models")

routing_schema = RoutingSchema()


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


@bp.get("/routing")
def routing() -> dict[str, Any]:
    """Which callers get which version; ``ended`` says why a canary was ended."""
    return asked_service().store.routing.document()


@bp.post("/routing")
def route() -> dict[str, Any]:
    """Share callers out among versions, or stop it."""
    wanted = parse(load_body(routing_schema))
    return administration.route(asked_service(), wanted, wait=_wait())


@bp.get("/comparison")
def comparison() -> dict[str, Any]:
    """Champion and challengers by numbers."""
    service = asked_service()
    model = request.args.get("model", DEFAULT)
    versions = compare(of_app(), prefix="" if model == DEFAULT else f"{model}/")
    return {
        "champion": service.model.version if service.loaded else None,
        "routing": service.store.routing.document(),
        "versions": versions,
    }


def _wait() -> bool:
    return request.args.get("wait") == "true"
