"""The package as it is installed: by itself, with its types and its command."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import model_service_client
from tests.settings import ROOT

PROJECT = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of an installation, made without the network."""
    target = tmp_path_factory.mktemp("installed")
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--quiet", "--target", target, ROOT / "client"],
        check=True,
        cwd=target,
    )
    return target


def test_installation_has_all_modules_and_the_mark_of_types(installed):
    source = Path(model_service_client.__file__).parent
    modules = {path.relative_to(source) for path in source.rglob("*.py")}
    package = installed / "model_service_client"
    assert {path.relative_to(package) for path in package.rglob("*.py")} == modules
    assert (package / "py.typed").exists()
    assert not (installed / "app").exists()


def test_command_of_the_installation_says_its_version(installed):
    ended = subprocess.run(
        [installed / "bin" / "model-client", "--version"],
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert ended.stdout.strip() == model_service_client.__version__


def test_libraries_of_the_tests_are_among_those_that_the_client_takes():
    optional = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *optional["frames"]]:
        requirement = Requirement(line)
        assert version(requirement.name) in requirement.specifier, line
