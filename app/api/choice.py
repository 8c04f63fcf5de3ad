"""Which model a request is about: ``?model=name``, or else the default one."""

from flask import request

from app.models.ml_models import model_manager
from app.models.service import ModelService
from app.models.services import DEFAULT


def asked_service() -> ModelService:
    """The service of the model that the running request names.

    :raises ModelNotFound: if there is no such model.
    """
    return model_manager.services[request.args.get("model", DEFAULT)]
