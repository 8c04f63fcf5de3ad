"""``python -m benchmarks.shadow`` predicts in every mode of the traffic split."""

import sys

import pytest

from benchmarks import shadow

pytestmark = pytest.mark.drill


@pytest.fixture
def switch_interval_as_before():
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switch_interval_as_before")
def test_every_mode_is_measured_in_process(tmp_path, monkeypatch):
    store, row = shadow.prepared(tmp_path)
    monkeypatch.setenv("MODELS_DIR", str(store.root))
    found = shadow.in_process(store, row, repeats=20, rounds=1)
    assert found.keys() == shadow.MODES.keys()
    assert all(microseconds > 0 for microseconds in found.values())
    assert store.traffic_split.current().shares == {"python": 0.0}
