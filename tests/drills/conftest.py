"""Options of the drills, and where they leave their figures."""

import inspect
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.drills import figures, others, stack
from tests.drills.figures import Figure
from tests.drills.forest import publish_forest

MEASURED = pytest.StashKey[list[Figure]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drills")
    group.addoption("--full", action="store_true", help="drills in their full length")
    group.addoption("--figures", type=Path, metavar="PAGE", help="write the figures into this page")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEASURED] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if measured := config.stash[MEASURED]:
        terminalreporter.section("figures of the drills")
        terminalreporter.write_line(figures.table(measured))
        if page := config.getoption("--figures", None):
            figures.write(page, measured)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Repeat a drill once if others waited too long: the machine may have had something else to do."""
    try:
        return (yield)
    except others.Disturbed as disturbed:
        pyfuncitem.add_report_section("call", "repeated", str(disturbed))
        names = inspect.signature(pyfuncitem.obj).parameters
        pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
        return True


@pytest.fixture(scope="session")
def length(pytestconfig: pytest.Config) -> Callable[[float, float], float]:
    """Choose between the short and the full form of a number, such as seconds or repetitions."""
    full = pytestconfig.getoption("--full", False)
    return lambda short_form, full_form: full_form if full else short_form


@pytest.fixture(scope="session")
def forest_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose active version is a forest."""
    return publish_forest(tmp_path_factory.mktemp("forest") / "models")


@pytest.fixture
def figure(pytestconfig: pytest.Config) -> Callable[[str, str, str, str], None]:
    """Note what was measured: drill, what, measured, promised."""
    return lambda *columns: pytestconfig.stash[MEASURED].append(Figure(*columns))


@pytest.fixture
def endured(
    figure: Callable[[str, str, str, str], None], length: Callable[[float, float], float]
) -> Callable[..., Any]:
    """Attack a service in a block, during which others ask it; see `others.endured`."""
    return partial(others.endured, figure, control=length(1.5, 3.0))


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    """The compose stack with three replicas, come up from nothing; what a test stops it starts again."""
    with stack.stack(tmp_path_factory.mktemp("stack")) as own:
        own.up(3)
        yield own
