import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.settings import ROOT

# A module imports from lower floors and its own folder; those of ``app.models`` are parts of one layer.
FLOORS = {
    "app.settings": 0.5,
    "config": 1,
    "app.exceptions": 1,
    "app.models.schema": 2.0,
    "app.models.repository": 2.0,
    "app.models.training": 2.0,
    "app.models.engines": 2.1,
    "app.models.loading": 2.2,
    "app.models.compilation": 2.2,
    "app.models.prediction": 2.3,
    "app.models.certification": 2.3,
    "app.models.untrusted": 2.3,
    "app.models.explaining": 2.3,
    "app.models.ports": 2.4,
    "app.models.publishing": 2.4,
    "app.models.serving": 2.5,
    "app.models.importing": 2.5,
    "app.models.ml_models": 2.6,
    "app.models": 2.9,
    "app.flask_fast": 3,
    "gunicorn_worker": 3,
    "model_service_client": 3,
    "app.middleware": 4,
    "app.api": 5,
    "app.pages": 5.1,
    "app.cli": 6,
    "app.announcement": 6,
    "app.startup": 6.1,
    "app": 6.2,
    "run": 7,
    "train_model": 7,
    "gunicorn.conf": 7,
    "granian_server": 7,
    "tools": 8,
    "benchmarks": 8,
    "examples": 8.1,
}
# A file name that stands twice has one subject.
SHARED_NAMES = {
    "models": "versions in the store, over HTTP and as commands",
    "traffic_split": "the traffic split, as a file and as a command",
    "user_onnx": "an ONNX graph of the user's own, compiled and certified",
}
# Routes of two protocols at one address.
JUNCTIONS = {
    "app.api.dialects.invocations": {"app.api.dialects.mlflow", "app.api.dialects.sagemaker_container"}
}
MOST_MODULES = 12  # of a folder, beside its __init__
SCRIPT_IMPORT = re.compile(r"""^import .*? from "(.*?)";$""", re.MULTILINE)
SKIPPED = {"tests", ".venv"}
CLIENT = "client."  # the folder in which the client's package stands


def modules():
    """Every module of the project by its dotted name, with its syntax tree."""
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT)
        if not SKIPPED & set(relative.parts) and not relative.parts[0].startswith("."):
            name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            name = name.removeprefix(CLIENT)
            yield name, ast.parse(path.read_text())


MODULES = dict(modules())


def floor(name):
    """The entry of `FLOORS` that a module belongs to and its floor, or None for one from elsewhere."""
    while name:
        if name in FLOORS:
            return name, FLOORS[name]
        name = name.rpartition(".")[0]
    return None


def imports(tree):
    """Dotted names that a module imports anywhere in it; ``from a import b`` counts as ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(name):
    """The project's modules that a module imports."""
    for target in imports(MODULES[name]):
        while target and target not in MODULES:
            target = target.rpartition(".")[0]
        if target and target != name:
            yield target


def is_package(name):
    path = name.replace(".", "/")
    return (ROOT / path).is_dir() or (ROOT / "client" / path).is_dir()


def alone(name):
    """The package beside the app that a module is part of, if it is of any: gunicorn's worker, the client."""
    package = name.partition(".")[0]
    return package if package in {"gunicorn_worker", "model_service_client"} else None


@pytest.mark.parametrize("name", [name for name in MODULES if alone(name)])
def test_what_stands_beside_the_app_imports_nothing_of_the_project(name):
    assert [target for target in own_imports(name) if alone(target) != alone(name)] == []


def test_every_module_has_a_floor():
    known = {"app.api.predictions", "app.models.repository.store", "config", "run", "gunicorn.conf"}
    known |= {"model_service_client.transport"}
    assert known <= set(MODULES)
    assert [name for name in MODULES if floor(name) is None] == []


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_downward_only(name):
    folder, height = floor(name)
    others = {target: floor(target) for target in own_imports(name)}
    upward = [
        target
        for target, (other, other_height) in others.items()
        if other != folder and other_height >= height
    ]
    assert upward == []


def test_there_is_no_circle_of_imports():
    left = {name: set(own_imports(name)) for name in MODULES}
    while free := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


def test_a_file_name_stands_once_or_has_one_subject():
    names = [name.rpartition(".")[2] for name in MODULES if name.startswith("app.") and not is_package(name)]
    assert {name for name, number in Counter(names).items() if number > 1} == set(SHARED_NAMES)


def test_a_folder_has_no_more_modules_than_one_can_look_over():
    folders = Counter(
        name.rpartition(".")[0]
        for name in MODULES
        if name.startswith(("app.", "gunicorn_worker.", "model_service_client.")) and not is_package(name)
    )
    assert len(folders) > 10
    assert {folder: number for folder, number in folders.items() if number > MOST_MODULES} == {}


def scripts():
    """The JavaScript modules of the pages, by their paths."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / "app").rglob("*.js"))


def test_a_folder_of_scripts_has_no_more_files_than_one_can_look_over():
    folders = {path.parent for path in scripts()}
    assert Path("app/pages/static/console/predict") in folders
    files = {folder: sum(path.is_file() for path in (ROOT / folder).iterdir()) for folder in folders}
    assert {folder: number for folder, number in files.items() if number > MOST_MODULES} == {}


def test_a_part_of_the_page_imports_its_own_scripts_and_what_all_parts_share():
    console = Path("app/pages/static/console")
    parts = [path for path in scripts() if console in path.parent.parents]
    assert len(parts) > 10
    for path in parts:
        targets = SCRIPT_IMPORT.findall((ROOT / path).read_text())
        assert [target for target in targets if not re.fullmatch(r"\.\.?/\w+\.js", target)] == [], path


def test_a_folder_says_in_its_first_line_which_question_it_answers():
    for name in MODULES:
        if name.startswith(("app", "gunicorn_worker", "model_service_client")) and is_package(name):
            assert ast.get_docstring(MODULES[name]), name


@pytest.mark.parametrize("name", [name for name in MODULES if floor(name)[1] < 3])
def test_the_core_imports_no_flask(name):
    web = {"flask", "werkzeug", "flask_cors", "gunicorn"}
    assert not [target for target in imports(MODULES[name]) if target.partition(".")[0] in web]


def test_routes_do_not_import_each_other():
    blueprints = [
        name
        for name, tree in MODULES.items()
        if name.startswith("app.api.")
        and any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "bp" for node in tree.body)
    ]
    assert len(blueprints) >= 3
    for name in blueprints:
        known = {"app.api.predictions"} if name.startswith("app.api.dialects.") else set()
        known |= JUNCTIONS.get(name, set())
        assert set(own_imports(name)) & set(blueprints) <= known, name


def test_the_core_is_importable_without_flask():
    program = "import sys, app.models.ml_models; print('flask' in sys.modules, 'werkzeug' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "False"]


def test_no_view_calculates():
    for name, tree in MODULES.items():
        if name in {"app.api.predictions", "app.api.health", "app.api.model_info"}:
            assert not [target for target in imports(tree) if target.partition(".")[0] in {"numpy", "joblib"}]


def test_the_number_of_features_of_the_default_model_stands_nowhere_in_serving_code():
    # The synthetic data set defines it, and golden rows are, by chance, as many.
    elsewhere = {"app.models.training.datasets", "app.models.loading.golden_rows"}
    for name, tree in MODULES.items():
        if name.startswith("app") and name not in elsewhere:
            constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
            assert not [value for value in constants if type(value) is int and value == 20], name
