"""Whether probes are to send traffic here."""

from app.middleware.draining import draining
from app.models.ml_models import model_manager


def can_predict() -> bool:
    """There is a model to predict with, and the server does not drain."""
    return model_manager.model_loaded and not draining()
