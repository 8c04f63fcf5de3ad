"""What the packages under the service may change without a word is used in two folders only."""

import ast

import pytest

from tests.test_layers import MODULES, floor, imports

PACKAGES = {"flask", "gunicorn", "werkzeug", "limits", "skl2onnx"}
# Each leans on one package's inner parts, and says in its README on which.
FENCED = ("app.flask_fast", "gunicorn_worker")
# Documented, although they begin with an underscore.
DOCUMENTED = {"_get_current_object", "_replace", "_asdict", "_fields"}
BY_NAME = {"getattr", "setattr", "hasattr", "delattr"}


def is_private(name):
    return name.startswith("_") and not name.endswith("__") and name not in DOCUMENTED


def private_imports(tree):
    """Imports of underscore names out of `PACKAGES`."""
    for target in imports(tree):
        package, *names = target.split(".")
        if package in PACKAGES and any(map(is_private, names)):
            yield target


def own_names(tree):
    """Underscore names that a module gives itself: functions, variables, and attributes of ``self``."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(attr=name, value=ast.Name(id="self" | "cls"), ctx=ast.Store()):
                yield name


def private_attributes(tree):
    """Underscore attributes that are not the module's own."""
    own = set(own_names(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name, value=value, ctx=context):
                of_another = isinstance(context, ast.Store) and ast.unparse(value) not in {"self", "cls"}
                if is_private(name) and (name not in own or of_another):
                    yield ast.unparse(node)
            case ast.Call(func=ast.Name(id=function), args=[_, ast.Constant(value=str(name)), *_]):
                if function in BY_NAME and is_private(name):
                    yield ast.unparse(node)


def is_checked(name):
    """Whether attributes matter in a module; most of the core and the tools know none of the packages."""
    core = floor(name)[1] < 3 or name.startswith("tools.")
    return not core or any(target.partition(".")[0] in PACKAGES for target in imports(MODULES[name]))


OUTSIDE = [
    name
    for name in MODULES
    if not name.startswith(("benchmarks", "examples", "tools"))
    and not any(name.startswith(fence) for fence in FENCED)
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_module_uses_no_private_name_of_a_package(name):
    found = list(private_imports(MODULES[name]))
    if is_checked(name):
        found += private_attributes(MODULES[name])
    assert found == []


def test_the_modules_that_matter_are_checked():
    expected = {
        "app",
        "app.middleware",
        "app.models.compilation.compilers",
        "app.settings.rate_limits",
        "run",
    }
    assert expected | {"config", "train_model", "gunicorn.conf", "granian_server"} <= set(OUTSIDE)
    assert all(map(is_checked, expected))


@pytest.mark.parametrize(
    "line",
    [
        "app._got_first_request",
        "app._got_first_request = True",
        "getattr(app, '_got_first_request')",
        "request._cached_json[0]",
        "self.app._check_setup_finished('x')",
        "super()._keepalive()",
    ],
)
def test_private_attribute_is_found(line):
    tree = ast.parse(f"class Hook:\n    def run(self, app, request):\n        {line}")
    assert len(list(private_attributes(tree))) == 1


@pytest.mark.parametrize(
    "line", ["from flask.globals import _cv_app", "import skl2onnx._parse", "from skl2onnx._parse import a"]
)
def test_private_import_is_found(line):
    assert len(list(private_imports(ast.parse(line)))) == 1


def test_own_and_documented_names_may_be_used():
    tree = ast.parse(
        "class Hook:\n"
        "    def __init__(self, app):\n"
        "        self._app = app\n"
        "    def run(self, other):\n"
        "        return self._app, other._app, self._go(), request._get_current_object(), self.__class__\n"
        "    def _go(self):\n"
        "        from flask import g\n"
    )
    assert [*private_attributes(tree), *private_imports(tree)] == []
