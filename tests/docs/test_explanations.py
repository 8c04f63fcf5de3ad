"""docs/explanations.md: the example is run, and answers as printed."""

import json
import re

import pytest

from app import create_app
from app.models.ml_models import model_manager
from tests.conftest import configuration
from tests.docs.pages import ADDRESS
from tests.settings import ROOT

DOCUMENT = (ROOT / "docs" / "explanations.md").read_text()


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return found


def test_the_example_answers_as_printed(tmp_path, monkeypatch):
    app = create_app(configuration(tmp_path / "models"))
    monkeypatch.setattr("app.create_app", lambda: app)
    exec(compile(block("python"), "docs/explanations.md", "exec"), {})
    body = re.search(r"--json '(.*)'", block("console"))[1]
    path = re.search(rf"{ADDRESS}(\S+)", block("console"))[1]
    answer = app.test_client().post(path, data=body, content_type="application/json").get_json()
    printed = json.loads(block("json"))
    assert list(answer) == list(printed)
    assert answer["model_version"] == printed["model_version"]
    assert numbers(answer["result"]) == pytest.approx(numbers(printed["result"]), abs=1e-9)
    with app.app_context():
        row = json.loads(body)["features"]
        assert model_manager.explain(row, columns=2) == answer["result"]["explanation"]


def numbers(value, path=""):
    """The numbers of a document by their paths; other values are part of these."""
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in numbers(item, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {k: v for i, item in enumerate(value) for k, v in numbers(item, f"{path}[{i}]").items()}
    return {path: value} if isinstance(value, float | int) else {f"{path}={value}": 0.0}
