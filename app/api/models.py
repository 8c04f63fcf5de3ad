"""``/api/models``: operations on the versions of a model, the default one or ``?model=name``."""

from typing import Any

from flask import Blueprint, request
from werkzeug.routing import BaseConverter

from app.api.answer_schemas import (
    ActivatedAnswer,
    ComparisonAnswer,
    RemovedAnswer,
    TrafficSplitAnswer,
    VerifiedAnswer,
    VersionAnswer,
    VersionsAnswer,
)
from app.api.description import described
from app.api.formats import JSON, load_body
from app.api.requested_model import requested_model
from app.api.schemas import WAIT, ModelQuery, TrafficSplitSchema, WaitQuery
from app.exceptions import InvalidInput
from app.middleware.metrics import of_app
from app.middleware.metrics.version_comparison import compare
from app.models.ml_models import model_manager
from app.models.repository.traffic_split import parse
from app.models.serving import operations
from app.models.serving.overview import readiness, summary, versions
from app.models.serving.served_model import DEFAULT

bp = Blueprint("models", __name__, url_prefix="/api/models")

traffic_split_schema = TrafficSplitSchema()
STORE = (404, 503)  # no such model or version; a store that cannot be read
CHANGE = (400, 409, *STORE)  # a name that no version has; a state that rules it out


class StoredVersion(BaseConverter):
    """The name of a version, but none of those that routes have: their methods are their own."""

    regex = "(?!(?:rollback|routing|comparison)$)[^/]+"


@bp.record_once
def add_converter(state: Any) -> None:
    """Know `StoredVersion` before the routes are added."""
    state.app.url_map.converters["stored"] = StoredVersion


@bp.get("")
@described(VersionsAnswer, query=ModelQuery, errors=STORE)
def overview() -> dict[str, Any]:
    """Every version of a model with its metrics, size, engine and state, newest first; and all models."""
    served_model = requested_model()
    return {
        "active": served_model.store.active(),
        "versions": versions(served_model),
        "models": readiness(model_manager.registry),
    }


@bp.get("/<stored:version>")
@described(VersionAnswer, query=ModelQuery, errors=(400, *STORE))
def show(version: str) -> dict[str, Any]:
    """One version."""
    return summary(requested_model(), version)


@bp.post("/<version>/verify")
@described(VerifiedAnswer, query=ModelQuery, errors=CHANGE)
def verify(version: str) -> dict[str, Any]:
    """Verify a version without serving it."""
    return operations.verify(requested_model(), version)


@bp.post("/<version>/activate")
@described(ActivatedAnswer, query=WaitQuery, errors=CHANGE)
def activate(version: str) -> dict[str, Any]:
    """Verify a version and serve it."""
    return operations.activate(requested_model(), version, wait=_wait())


@bp.post("/rollback")
@described(ActivatedAnswer, query=WaitQuery, errors=CHANGE)
def roll_back() -> dict[str, Any]:
    """Serve the version that served before."""
    return operations.roll_back(requested_model(), wait=_wait())


@bp.delete("/<stored:version>")
@described(RemovedAnswer, query=ModelQuery, errors=CHANGE)
def remove(version: str) -> dict[str, Any]:
    """Remove a version for good."""
    operations.remove(requested_model(), version)
    return {"version": version, "removed": True}


@bp.get("/routing")
@described(TrafficSplitAnswer, query=ModelQuery, errors=STORE)
def traffic_split() -> dict[str, Any]:
    """The traffic split; ``ended`` says why a canary was ended."""
    return requested_model().store.traffic_split.document()


@bp.post("/routing")
@described(TrafficSplitAnswer, bodies={JSON: TrafficSplitSchema}, query=WaitQuery, errors=CHANGE)
def split_traffic() -> dict[str, Any]:
    """Split the clients among versions, or end the split."""
    split = parse(load_body(traffic_split_schema))
    return operations.route(requested_model(), split, wait=_wait())


@bp.get("/comparison")
@described(ComparisonAnswer, query=ModelQuery, errors=STORE)
def comparison() -> dict[str, Any]:
    """Champion and challengers by numbers."""
    served_model = requested_model()
    model = request.args.get("model", DEFAULT)
    return {
        "champion": served_model.model.version if served_model.loaded else None,
        "routing": served_model.store.traffic_split.document(),
        "versions": compare(of_app(), prefix="" if model == DEFAULT else f"{model}/"),
    }


def _wait() -> bool:
    """:raises InvalidInput: if ``wait`` is neither true nor false."""
    if (wait := request.args.get("wait", "false")) not in WAIT:
        raise InvalidInput([{"field": "wait", "reason": f"must be {' or '.join(WAIT)}"}])
    return wait == "true"
