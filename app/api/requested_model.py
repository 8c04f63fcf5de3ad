"""The model that a request is about: ``?model=name``, or else the default one."""

from flask import request

from app.models.ml_models import model_manager
from app.models.serving.served_model import DEFAULT, ServedModel


def requested_model() -> ServedModel:
    """The model that the running request names.

    :raises ModelNotFound: if there is no such model.
    """
    return model_manager.registry[request.args.get("model", DEFAULT)]
