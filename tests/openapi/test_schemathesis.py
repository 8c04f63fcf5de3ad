"""The short form of `make openapi`: a few hundred cases of the native routes, with all checks."""

import pytest

from tests.dialects.models import missing_values
from tests.openapi.running import schemathesis, serving, stored, write_tables

pytestmark = pytest.mark.server

# Of predictions, and of what describes and routes them: `make openapi` has all others.
NATIVE = ("--include-path-regex", "^/(api|docs)(/|$)")
QUICK = ("--phases", "examples,coverage,fuzzing", "--seed", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("schemathesis")


@pytest.fixture(scope="module")
def brought():
    return missing_values()


@pytest.fixture(scope="module")
def service(folder, brought):
    stored(brought, folder)
    with serving(folder) as running:
        yield running


def test_native_routes_keep_what_the_document_says(service, folder, brought):
    tables = write_tables(brought, folder / "tables")
    run = schemathesis(service, tables, examples=3, options=(*NATIVE, *QUICK))
    assert run.passed, run.output[-6_000:]
    assert run.cases > 300
