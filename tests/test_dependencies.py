"""Every dependency is pinned exactly and has its reason written down."""

import re

import pytest

from tests.settings import ROOT

REASONS = (ROOT / "docs" / "dependencies.md").read_text()


def requirements(name: str) -> list[str]:
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("-r", "#"))]


EXTRAS = ("requirements-batch.txt", "requirements-boosting.txt", "requirements-explain.txt")
PINNED = ("requirements.txt", *EXTRAS)


@pytest.mark.parametrize("line", [line for name in PINNED for line in requirements(name)])
def test_dependency_is_pinned_exactly_and_has_a_line_in_the_table(line: str) -> None:
    package, version = re.fullmatch(r"([\w.-]+)==([\w.]+)", line).groups()
    assert version
    assert f"| {package} |" in REASONS


@pytest.mark.parametrize("line", requirements("requirements-dev.txt") + requirements("requirements-docs.txt"))
def test_development_dependency_is_pinned_exactly_and_named(line: str) -> None:
    package = re.fullmatch(r"([\w.-]+)==[\w.]+", line)[1]
    assert package in REASONS
