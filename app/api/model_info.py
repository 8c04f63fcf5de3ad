"""``GET /api/model/info``: the loaded version, its inputs and outputs; ``?model=name`` selects a model."""

from typing import Any

from flask import Blueprint

from app.api.answer_schemas import ModelAnswer
from app.api.description import described
from app.api.requested_model import requested_model
from app.api.schemas import ModelQuery
from app.models.serving.overview import describe

bp = Blueprint("model_info", __name__, url_prefix="/api/model")


@bp.get("/info")
@described(ModelAnswer, query=ModelQuery, errors=(404, 503))
def info() -> dict[str, Any]:
    """The loaded model, from its metadata."""
    return describe(requested_model().model)
