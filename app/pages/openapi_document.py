"""``GET /api/openapi.json``: the OpenAPI document of a model version, for programs and for ``/docs``."""

from typing import Any

from flask import Blueprint, current_app, request
from marshmallow import fields
from werkzeug.wrappers import Response

from app.api.description import described
from app.api.dialects.shapes import OBJECT
from app.api.formats import JSON
from app.api.requested_model import requested_model
from app.api.schemas import ModelQuery
from app.exceptions import VersionNotServed
from app.models.loading.loader import LoadedVersion
from app.models.serving.overview import loaded_versions
from app.models.serving.served_model import ServedModel
from app.pages.openapi.document_cache import DocumentCache
from app.pages.page_response import page_response

EXTENSION = "openapi"

bp = Blueprint("openapi", __name__)


class DocumentQuery(ModelQuery):
    """The version is one that is loaded, by default the active one."""

    version = fields.String()


@bp.record_once
def make_cache(state: Any) -> None:
    """Documents depend on the app's settings, so each app has its own."""
    state.app.extensions[EXTENSION] = DocumentCache(state.app)


@bp.get("/api/openapi.json")
@described(
    OBJECT, query=DocumentQuery, others={304: None}, errors=(404, 503), headers={"ETag": {"type": "string"}}
)
def openapi_document() -> Response:
    """This document: every route, with the rows and answers of one model version."""
    served_model = requested_model()
    found = current_app.extensions[EXTENSION].get(served_model.name, _version(served_model))
    return page_response(found.content, JSON, etag=found.etag)


def _version(served_model: ServedModel) -> LoadedVersion | None:
    """The version that the query names, else the active one; None for a model without one.

    :raises VersionNotServed: if that one is not loaded.
    """
    loaded, wanted = loaded_versions(served_model), request.args.get("version")
    if wanted is None:
        return next(iter(loaded.values()), None)
    if wanted not in loaded:
        raise VersionNotServed(wanted)
    return loaded[wanted]
