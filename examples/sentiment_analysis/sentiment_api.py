"""The sentiment service: ``python -m examples.sentiment_analysis.sentiment_api``, or under gunicorn
``examples.sentiment_analysis.sentiment_api:app``."""

import os

# Before NumPy is imported, as in run.py.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from app.startup import start
from examples.sentiment_analysis.routes import build

app = start(build)

if __name__ == "__main__":
    app.run(host=app.config["HOST"], port=app.config["PORT"], debug=app.debug)
