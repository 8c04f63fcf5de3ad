"""docs/traffic-split.md: the comparison has the members that the page shows."""

import json
import re

import pytest

from app.middleware.metrics import of_app
from app.middleware.metrics.version_comparison import compare
from tests.docs.pages import PAGES, Step
from tests.docs.sessions.split import traffic_split
from tests.services import wait_until


@pytest.fixture
def session(request, tmp_path):
    with traffic_split(request, tmp_path) as session:
        yield session


def test_the_comparison_has_what_the_page_shows(session):
    session.run(Step("command", ".venv/bin/flask --app run models route shadow v2 --wait"))
    body = """'{"features": [1, 2, 3]}'"""
    session.run(Step("command", f"curl -X POST http://127.0.0.1:5000/api/predict --json {body}"))
    page = PAGES["docs/traffic-split.md"]
    (shown,) = re.findall(r"^```json\n(\"v2\": .*?)^```$", page, re.MULTILINE | re.DOTALL)
    printed = json.loads("{" + shown + "}")["v2"]
    with session.app.app_context():
        wait_until(lambda: "v2" in compare(of_app(), prefix=""))
        found = compare(of_app(), prefix="")["v2"]
    assert (printed.keys(), printed["shadow"].keys()) == (found.keys(), found["shadow"].keys())
