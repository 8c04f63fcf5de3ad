"""docs/traffic-split.md: versions that challenge each other, and a second model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sklearn.linear_model import LinearRegression

from app import create_app
from app.models.ml_models import model_manager
from app.models.repository.traffic_split import TrafficSplit
from app.models.serving.watcher import RepositoryWatcher
from tests.conftest import configuration
from tests.docs.sessions.session import Session
from tests.estimators import BOXES
from tests.services import wait_until


@contextmanager
def traffic_split(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """``v1`` serves, ``v2`` may challenge it, ``churn`` is another model; this process is a worker."""
    app = create_app(configuration(folder / "models"))
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
    try:
        yield Session(folder, app, before={"models route": lambda: fail_the_canary(app)})
    finally:
        for follower in followers:
            follower.stop()


def fail_the_canary(app: Flask) -> None:
    """What happens before the last command of the page."""
    service = app.extensions["model_registry"].default
    service.store.traffic_split.set(TrafficSplit("canary", {"v2": 10.0}))
    service.poll_traffic_split()
    for number in range(100):
        service.traffic_router.split.tallies.add("champion", seconds=0.001, failed=False)
        service.traffic_router.split.tallies.add("challenger", seconds=0.001, failed=number < 40)
    wait_until(lambda: service.store.traffic_split.current() is None)
