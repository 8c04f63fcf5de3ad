import os

import pytest

from app.settings import capacity

GIB = 1024**3
AVAILABLE = len(os.sched_getaffinity(0))


@pytest.fixture
def limits(tmp_path):
    """Write control-group files and return the folder that they are in."""

    def write(**files):
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content + "\n")
        return tmp_path

    return write


def test_without_control_groups_every_core_gets_a_worker(tmp_path):
    assert capacity.workers(tmp_path) == capacity.cores(tmp_path) == AVAILABLE
    assert capacity.memory(tmp_path) is None


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", AVAILABLE), ("100000 100000", 1), ("50000 100000", 1)]
)
def test_quota_of_version_2_counts(limits, quota, cores):
    assert capacity.cores(limits(cpu_DOT_max=quota)) == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", AVAILABLE), ("100000", 1), ("20000", 1)])
def test_quota_of_version_1_counts(limits, quota, cores):
    folder = limits(cpu__cpu_DOT_cfs_quota_us=quota, cpu__cpu_DOT_cfs_period_us="100000")
    assert capacity.cores(folder) == cores


def test_quota_above_the_cores_there_are_does_not_count(limits):
    assert capacity.cores(limits(cpu_DOT_max="12800000 100000")) == AVAILABLE


def test_part_of_a_core_is_rounded_up(limits, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert capacity.cores(limits(cpu_DOT_max="250000 100000")) == 3


@pytest.mark.parametrize("name", ["memory_DOT_max", "memory__memory_DOT_limit_in_bytes"])
@pytest.mark.parametrize(
    ("limit", "workers"), [(256 * 1024**2, 1), (100 * 1024**2, 1), (GIB, 4), (64 * GIB, 8)]
)
def test_memory_limit_has_room_for_so_many(limits, monkeypatch, name, limit, workers):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert capacity.workers(limits(**{name: str(limit)})) == workers


def test_unlimited_memory_is_no_limit(limits):
    assert capacity.memory(limits(memory_DOT_max="max")) is None
