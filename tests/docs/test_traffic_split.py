"""docs/traffic-split.md: each command, run in the order of the page, says what is printed there."""

import json
import re

import pytest
from sklearn.linear_model import LinearRegression

from app import create_app
from app.middleware.metrics import of_app
from app.middleware.metrics.version_comparison import compare
from app.models.ml_models import model_manager
from app.models.repository.traffic_split import TrafficSplit
from app.models.serving.watcher import RepositoryWatcher
from tests.conftest import configuration
from tests.docs.pages import comparable, exchanges, run
from tests.estimators import BOXES
from tests.services import wait_until
from tests.settings import ROOT

DOCUMENT = (ROOT / "docs" / "traffic-split.md").read_text()


def prepare(models_dir):
    """``v1`` serves, ``v2`` may challenge it, ``churn`` is another model; this process is a worker."""
    app = create_app(configuration(models_dir))
    sums = LinearRegression().fit(BOXES.to_numpy(), BOXES.sum(axis=1))
    with app.app_context():
        for version, name in (("v1", "default"), ("v2", "default"), ("v1", "churn")):
            activate = version == "v1"
            model_manager.save_model(sums, sample=BOXES, version=version, name=name, activate=activate)
        model_manager.load_model()
        model_manager.registry.load_all()
        followers = [RepositoryWatcher(model_manager.registry[name]) for name in ("default", "churn")]
    for follower in followers:
        follower.start()
    return app, followers


def fail_the_canary(app):
    """What happens before the last command of the page."""
    service = app.extensions["model_registry"].default
    service.store.traffic_split.set(TrafficSplit("canary", {"v2": 10.0}))
    service.poll_traffic_split()
    for number in range(100):
        service.traffic_router.split.tallies.add("champion", seconds=0.001, failed=False)
        service.traffic_router.split.tallies.add("challenger", seconds=0.001, failed=number < 40)
    wait_until(lambda: service.store.traffic_split.current() is None)


@pytest.fixture
def worker(models_dir):
    app, followers = prepare(models_dir)
    yield app
    for follower in followers:
        follower.stop()


def test_every_command_of_the_page_says_what_is_printed_there(worker):
    found = list(exchanges(DOCUMENT))
    assert len(found) > 6
    for command, printed in found:
        if command.endswith("models route"):
            fail_the_canary(worker)
        assert comparable(run(worker, command)) == comparable(printed), command


def test_the_comparison_has_what_the_page_shows(worker):
    run(worker, ".venv/bin/flask --app run models route shadow v2 --wait")
    body = """'{"features": [1, 2, 3]}'"""
    run(worker, f"curl -X POST http://127.0.0.1:5000/api/predict --json {body}")
    (shown,) = re.findall(r"^```json\n(\"v2\": .*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    printed = json.loads("{" + shown + "}")["v2"]
    with worker.app_context():
        wait_until(lambda: "v2" in compare(of_app(), prefix=""))
        found = compare(of_app(), prefix="")["v2"]
    assert (printed.keys(), printed["shadow"].keys()) == (found.keys(), found["shadow"].keys())
