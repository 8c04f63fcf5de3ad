"""WSGI entry point ``run:app``; ``python run.py`` starts Flask's development server."""

import os
import sys

from werkzeug.serving import is_running_from_reloader

# Set before the import of NumPy: the workers are the parallelism, and threads would oversubscribe the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from app import create_app
from app.announcement import log_notices
from app.settings.rules import host_fault
from app.startup import start
from config import load_config

app = start(create_app)

if __name__ == "__main__":
    if not is_running_from_reloader():
        settings = load_config()
        if fault := host_fault(settings):
            sys.exit(f"Wrong configuration: {fault}")
        log_notices(settings)
    app.run(host=app.config["HOST"], port=app.config["PORT"], debug=app.debug)
