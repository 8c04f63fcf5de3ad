"""Which session a page has, or a section of it, and what is not run."""

from tests.docs.sessions import (
    clients,
    dialects,
    first_steps,
    old_servers,
    projects,
    runbook,
    sentiment,
    split,
)

# Each page by its name, or a section as page#heading. Every command runs in the order of the page.
SESSIONS = {
    "README.md#Quick start": projects.default_model,
    "README.md#Serve your own model": projects.people,
    "README.md#Authentication": projects.keys,
    "README.md#Deploy": projects.checkout,
    "client/README.md": clients.clients,
    "docs/deployment.md#Docker Compose": projects.checkout,
    "docs/deployment.md#Images": projects.checkout,
    "docs/deployment.md#Kubernetes": projects.checkout,
    "docs/deployment.md#systemd": projects.default_model,
    "docs/dialects.md#Open Inference Protocol V2": dialects.boxes,
    "docs/dialects.md#MLflow": dialects.sums,
    "docs/dialects.md#SageMaker": dialects.sums,
    "docs/dialects.md#TF Serving and KServe V1": dialects.people_by("tfserving"),
    "docs/dialects.md#Azure ML": dialects.people_by("azure"),
    "docs/dialects.md#Vertex AI": dialects.people_by("vertex"),
    "docs/explanations.md": projects.boxes,
    "docs/getting-started.md": first_steps.first_steps,
    "docs/own-model.md": projects.own_models,
    "docs/replay.md": projects.yesterday,
    "docs/runbook.md": runbook.runbook,
    "docs/security.md#What a pickle can do": projects.pickles,
    "docs/security.md#Authentication": projects.keys,
    "docs/switching.md": old_servers.old_servers,
    "docs/traffic-split.md": split.traffic_split,
    "docs/upgrading.md": projects.old_model,
    "examples/sentiment_analysis/README.md": sentiment.sentiment,
}
# Sessions that start a server.
WITH_SERVER = {"client/README.md", "docs/getting-started.md"}

# Commands that no test runs, by their beginnings, with the reason.
EXCEPTIONS = {
    "docker ": "needs Docker; tests/deploy reads the files, and drills run the containers",
    "curl http://127.0.0.1:8080/": "asks the nginx of Docker Compose",
    "curl -s http://mlserver:8080/": "asks the server that one comes from",
    "kubectl ": "needs Kubernetes; tests/deploy validates the files by its schemas",
    "sudo ": "needs systemd and a user of its own; tests/deploy judges the unit",
    'echo "API_KEY_1=$(openssl rand -hex 24)" | sudo': "as above",
    "cd /opt/model-service": "the folder that the commands for systemd make",
    "pip install ./client": "changes the environment; tests/client/test_package.py installs it elsewhere",
    "curl -s http://127.0.0.1:5000/api/openapi.json": "for the next line; tests/openapi reads the document",
    "openapi-python-client ": "a generator that is not among the dependencies",
    "git pull": "changes the working copy",
    "make ": "targets of the Makefile: their names are compared, and getting-started.md has `make run`",
    ".venv/bin/pytest ": "these are the tests",
    ".venv/bin/flask --app run models import models:/": "needs a registry of MLflow; tests/mlflow has one",
    ".venv/bin/python -m examples.sentiment_analysis.sentiment_api": "a server; the page's app is asked",
    "MODELS_DIR=models/sentiment .venv/bin/gunicorn": "as above",
    ".venv/bin/python -m examples.sentiment_analysis.train_sentiment_model --data": "needs data of one's own",
    ".venv/bin/python -m examples.sentiment_analysis.compare ": "needs data of one's own, and minutes",
}
