import ast
import subprocess
import sys

import pytest

from tests.settings import ROOT

# The lower layer may not import the higher.
LAYERS = {
    "config": 0,
    "app.settings": 0,
    "gunicorn_worker": 0,
    "app.exceptions": 0,
    "app.models": 1,
    "app.middleware": 2,
    "app.api": 3,
    "app.cli": 4,
    "app": 4,
    "run": 5,
    "train_model": 5,
    "gunicorn.conf": 5,
    "granian_server": 5,
    "benchmarks": 5,
    "examples": 5,
}
SKIPPED = {"tests", ".venv"}


def modules():
    """Every module of the project by its dotted name, with its syntax tree."""
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT)
        if not SKIPPED & set(relative.parts) and not relative.parts[0].startswith("."):
            name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            yield name, ast.parse(path.read_text())


MODULES = dict(modules())


def layer(name):
    """The layer of a module of the project, or None for one from elsewhere."""
    while name:
        if name in LAYERS:
            return LAYERS[name]
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


def is_worker(name):
    """Whether a module is part of gunicorn's worker, which stands beside the app."""
    return name.partition(".")[0] == "gunicorn_worker"


@pytest.mark.parametrize("name", [name for name in MODULES if is_worker(name)])
def test_the_worker_imports_nothing_of_the_project(name):
    own = {target for target in imports(MODULES[name]) if layer(target) is not None and not is_worker(target)}
    assert own == set()


def test_every_module_has_a_layer():
    assert {"app.api.predictions", "app.models.store", "config", "run", "gunicorn.conf"} <= set(MODULES)
    assert [name for name in MODULES if layer(name) is None] == []


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_downward_only(name):
    upward = [target for target in imports(MODULES[name]) if (layer(target) or 0) > layer(name)]
    assert upward == []


@pytest.mark.parametrize("name", [name for name in MODULES if layer(name) <= 1 and not is_worker(name)])
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
        imported = set(imports(MODULES[name]))
        assert not [
            other for other in blueprints if any(f"{target}.".startswith(f"{other}.") for target in imported)
        ]


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
    elsewhere = {"app.models.training.datasets", "app.models.golden"}
    for name, tree in MODULES.items():
        if name.startswith("app") and name not in elsewhere:
            constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
            assert not [value for value in constants if type(value) is int and value == 20], name
