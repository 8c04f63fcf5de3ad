"""WSGI entry point ``run:app``; ``python run.py`` starts Flask's development server."""

import os

# Before NumPy is imported: the processes are the parallelism, and threads of each would fight for the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from app import create_app
from app.startup import start
from config import load_config

app = start(create_app)

if __name__ == "__main__":
    for notice in load_config().notices():
        print(notice)
    app.run(host=app.config["HOST"], port=app.config["PORT"], debug=app.debug)
