"""WSGI entry point ``run:app``; ``python run.py`` starts Flask's development server."""

import gc
import logging
import os
import sys

# Before NumPy is imported: the processes are the parallelism, and threads of each would fight for the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from app import create_app
from app.exceptions import ArtifactInvalid, ServiceError
from app.models.follower import Followers
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

model_manager.services.load_all()

# From here on what another process activates is served by this one too.
Followers(model_manager.services).start()

# The libraries' 150,000 objects stay to the end. Frozen, they are not looked at by the collector, which
# would stop every request for 130 ms, nor written to.
gc.collect()
gc.freeze()

if __name__ == "__main__":
    for notice in load_config().notices():
        print(notice)
    app.run(host=app.config["HOST"], port=app.config["PORT"], debug=app.debug)
