"""A registry of the test's own."""

import pytest

from tests.app.models.importing.mlflow.registry import FakeRegistry


@pytest.fixture
def registry():
    found = FakeRegistry()
    yield found
    found.close()
