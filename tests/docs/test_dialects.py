"""docs/dialects.md: each command says what is printed there, and the tables miss no route."""

import re

import pytest

from app.models.ml_models import model_manager
from tests.conftest import configuration, create_app
from tests.docs.pages import comparable, exchanges, run
from tests.settings import ROOT

DOCUMENT = (ROOT / "docs" / "dialects.md").read_text()
SECTIONS = {"TF Serving and KServe V1": "tfserving", "Azure ML": "azure", "Vertex AI": "vertex"}


def section(heading):
    return DOCUMENT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


@pytest.fixture(params=SECTIONS)
def page(request, trained_dir):
    """A section, and an app that serves its dialect alone."""
    options = {"DIALECTS": SECTIONS[request.param], "AIP_PREDICT_ROUTE": "/predict"}
    app = create_app(configuration(trained_dir, **options))
    with app.app_context():
        model_manager.load_model("people")
    return section(request.param), app


def test_every_command_says_what_is_printed_there(page):
    text, app = page
    found = list(exchanges(text))
    assert len(found) >= 3
    for command, output in found:
        assert comparable(run(app, command)) == comparable(output), command


@pytest.mark.parametrize("heading", ["TF Serving and KServe V1", "Azure ML"])
def test_every_route_is_in_the_table(heading, build_app):
    native = {(rule.rule, *rule.methods) for rule in build_app(DIALECTS="").url_map.iter_rules()}
    routes = set()
    for rule in build_app(DIALECTS=SECTIONS[heading]).url_map.iter_rules():
        if (rule.rule, *rule.methods) not in native:
            path = re.sub(r"/(versions|labels)/<[^>]*>|segment:", "", rule.rule).replace("default", "<name>")
            routes |= {f"{method} {path}" for method in rule.methods - {"HEAD", "OPTIONS"}}
    assert set(re.findall(r"^\| `([^`]+)` \|", section(heading), re.MULTILINE)) == routes
