"""The README is true: what it prints is what comes back, and its tables miss nothing."""

import json
import re
import shlex
import subprocess
from itertools import pairwise
from typing import NamedTuple

import pytest

from app import create_app
from app.models.ml_models import model_manager
from tests import settings
from tests.conftest import configuration
from tests.docs.curl_request import curl_request
from tests.docs.pages import BLOCK
from tests.services import require_command

README = (settings.ROOT / "README.md").read_text()
SETTINGS = (settings.ROOT / "docs" / "settings.md").read_text()


class Exchange(NamedTuple):
    """A request of the README and the answer printed below it."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    answer: object


def commands(block: str) -> list[list[str]]:
    """The words of each command of a console block; a command goes on over lines until it is complete."""
    found, pending = [], ""
    for line in block.splitlines():
        if pending:
            pending += "\n" + line
        elif line.startswith("$ "):
            pending = line.removeprefix("$ ")
        if not pending or pending.endswith("\\"):
            continue
        try:
            words = shlex.split(pending.replace("\\\n", " "), comments=True)
        except ValueError:  # a quotation is still open
            continue
        found.append(words)
        pending = ""
    assert not pending, f"command without an end: {pending}"
    return found


def exchanges(text: str) -> list[Exchange]:
    """Each curl command that is the last of its block and followed by a block of JSON."""
    blocks = BLOCK.findall(text)
    return [
        Exchange(*curl_request(commands(console)[-1]), json.loads(answer))
        for (kind, console), (next_kind, answer) in pairwise(blocks)
        if (kind, next_kind) == ("console", "json") and commands(console)[-1][0] == "curl"
    ]


def shape(value: object) -> object:
    """The keys and kinds of a document, without its values."""
    match value:
        case dict():
            return {key: shape(item) for key, item in value.items()}
        case list():
            return [shape(item) for item in value]
        case bool() | None:
            return value
        case int() | float():
            return "number"
        case _:
            return type(value).__name__


def section(heading: str) -> str:
    """What stands under a heading of the README."""
    return README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without their heads."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line] for line in lines]


def documented_settings(text: str) -> dict[str, str]:
    """The settings of the tables in a text, with their defaults."""
    return {row[0].strip("`"): row[1].strip("`") for row in rows(text)}


def test_parser_of_the_readme_finds_requests_and_answers():
    text = (
        "```console\n$ make run\n$ curl -X PUT http://127.0.0.1:5000/x -H 'A: b' \\\n"
        '    -d \'{"c": [1,\n  2]}\'\n```\nbecomes\n```json\n{"d": 1}\n```\n'
        "```console\n$ make test\n```\n```json\n{}\n```\n"
    )
    (found,) = exchanges(text)
    assert found == Exchange("PUT", "/x", {"A": "b"}, '{"c": [1,\n  2]}', {"d": 1})


def test_shapes_differ_by_key_kind_and_length():
    document = {"a": [1, "x"], "b": True, "c": None}
    assert shape(document) == shape({"a": [2.5, "y"], "b": True, "c": None})
    for other in ({"a": [1], "b": True, "c": None}, {"a": [1, 1], "b": True, "c": None}, {"a": [1, "x"]}):
        assert shape(document) != shape(other)


def test_readme_has_requests_that_succeed_and_that_fail():
    kinds = {"error" in found.answer for found in exchanges(README)}
    assert kinds == {True, False}


def test_every_curl_command_has_its_answer():
    curls = [words for kind, text in BLOCK.findall(README) if kind == "console" for words in commands(text)]
    assert len([words for words in curls if words[0] == "curl"]) == len(exchanges(README))


@pytest.mark.parametrize("found", exchanges(README), ids=lambda found: f"{found.method} {found.path}")
def test_every_answer_in_the_readme_comes_true(trained, found):
    response = trained("synthetic").open(
        found.path, method=found.method, headers=found.headers, data=found.body
    )
    answer = response.get_json()
    assert shape(answer) == shape(found.answer)
    # What does not change from run to run is printed as it is.
    for key in ("success", "error", "error_type", "details"):
        assert answer.get(key) == found.answer.get(key)


def test_printed_prediction_is_the_real_one(trained):
    (found,) = [
        found for found in exchanges(README) if found.path == "/api/predict" and "result" in found.answer
    ]
    answer = trained("synthetic").post(found.path, headers=found.headers, data=found.body).get_json()
    assert answer["result"]["prediction"] == found.answer["result"]["prediction"]
    assert answer["result"]["probabilities"] == pytest.approx(found.answer["result"]["probabilities"])


def test_every_make_target_in_the_readme_exists():
    targets = set(re.findall(r"`make ([a-z-]+)`", README))
    targets |= {
        words[1] for _, text in BLOCK.findall(README) for words in commands(text) if words[0] == "make"
    }
    assert {"run", "test"} <= targets
    known = set(re.findall(r"^([a-z-]+):", (settings.ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets <= known


def test_python_in_the_readme_runs(monkeypatch, tmp_path):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.preprocessing import StandardScaler

    from tests.estimators import BOXES

    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    scaler = StandardScaler().fit(BOXES.to_numpy())
    forest = RandomForestClassifier(n_estimators=3, random_state=0)
    forest.fit(scaler.transform(BOXES.to_numpy()), [0, 1] * 10)
    names = {"forest": forest, "scaler": scaler, "training_rows": BOXES.to_numpy()}
    (program,) = [text for kind, text in BLOCK.findall(README) if kind == "python"]
    exec(program, names)
    assert model_manager.predict(names["training_rows"][1])["prediction"] == 1


def test_every_route_is_in_the_routes_table(tmp_path):
    app = create_app(configuration(tmp_path, DIALECTS="native"))
    routes = {
        f"{method} {re.sub(r'<[a-z]+:', '<', rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {row[0].strip("`") for row in rows(section("Routes"))} == routes


def test_every_setting_is_on_the_settings_page_with_its_default_and_meaning():
    documented, declared = documented_settings(SETTINGS), settings.declared()
    assert set(documented) == set(declared)
    assert {name: documented[name] for name, default in declared.items() if default is not None} == {
        name: default for name, default in declared.items() if default is not None
    }
    assert all(meaning for _, _, meaning in rows(SETTINGS))


def test_the_settings_of_the_readme_are_those_of_the_settings_page():
    assert documented_settings(section("Settings")).items() <= documented_settings(SETTINGS).items()


def test_every_setting_is_in_env_example_with_its_default():
    text = (settings.ROOT / ".env.example").read_text()
    lines = dict(re.findall(r"^(?:# )?([A-Z_\d]+)=(\S*)$", text, re.MULTILINE))
    declared = settings.declared() | settings.of_compose()
    assert set(lines) - {"NAME_FILE"} == set(declared)
    set_lines = dict(re.findall(r"^([A-Z_]+)=(\S*)$", text, re.MULTILINE))
    for name, value in set_lines.items():
        assert declared[name] in {value, None}


def test_env_example_is_a_valid_configuration(monkeypatch):
    from config import load_config

    for line in (settings.ROOT / ".env.example").read_text().splitlines():
        if line and not line.startswith("#"):
            monkeypatch.setenv(*line.split("=", 1))
    assert load_config().ENVIRONMENT == "development"


def test_the_map_has_every_folder_of_the_code_and_nothing_else():
    paths = {line.split()[0] for line in section("Project layout").split("```")[1].strip().splitlines()}
    assert [path for path in sorted(paths) if not (settings.ROOT / path).exists()] == []
    packages = [
        f"{init.parent.relative_to(settings.ROOT)}/"
        for folder in ("app", "gunicorn_worker")
        for init in (settings.ROOT / folder).rglob("__init__.py")
    ]
    assert len(packages) > 20
    assert [package for package in packages if package not in paths | {"app/"}] == []


def test_make_help_lists_every_target():
    make = require_command("make")
    output = subprocess.run(
        [make, "help"], cwd=settings.ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in ("run", "train", "test", "check", "help"):
        assert re.search(rf"^\s+make {target} +\S", output, re.MULTILINE)
