import pytest

from tests.app.middleware.prediction_cache.fakes import Sums


@pytest.fixture
def compute() -> Sums:
    return Sums()
