"""WSGI entry point ``run:app``; ``python run.py`` starts Flask's development server."""

import logging
import sys

from app import create_app
from app.exceptions import ArtifactInvalid, ServiceError
from app.models.loading import AUTO
from app.models.ml_models import model_manager
from config import ConfigError, load_config

try:
    app = create_app()
except ConfigError as error:
    sys.exit(f"Wrong configuration: {error}")

try:
    model_manager.load_model()
except ServiceError as error:
    if isinstance(error, ArtifactInvalid) and app.config["MODEL_ENGINE"] != AUTO:
        sys.exit(f"Wrong configuration: {error}")
    # Without a model the service answers 503 and says so at /api/health.
    logging.getLogger(__name__).error("no model to serve", extra={"reason": error.message})

if __name__ == "__main__":
    for notice in load_config().notices():
        print(notice)
    app.run(host=app.config["HOST"], port=app.config["PORT"], debug=app.debug)
