"""Capacity of this machine, or this container, in worker processes."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
# Bytes of the first worker and a little more, docs/performance.md; further workers share most of them.
WORKER_MEMORY = 256 * 1024**2
# Files of the limits in version 2 of control groups, and in version 1.
MEMORY = ("memory.max", "memory/memory.limit_in_bytes")
QUOTA = ("cpu.max", "cpu/cpu.cfs_quota_us")
PERIOD = "cpu/cpu.cfs_period_us"


def workers(root: Path = CGROUP) -> int:
    """A worker per core, as many as the memory limit has room for, at least one."""
    count, limit = cores(root), memory(root)
    return count if limit is None else max(1, min(count, limit // WORKER_MEMORY))


def cores(root: Path = CGROUP) -> int:
    """Cores that this process may use: by its affinity and by the container's quota, rounded up."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    words = [*_words(root, QUOTA), *_words(root, (PERIOD,))]
    if len(words) < 2 or not words[0].isdigit() or not int(words[1]):
        return available  # no limit: "max" in version 2, -1 in version 1
    return max(1, min(available, -(-int(words[0]) // int(words[1]))))


def memory(root: Path = CGROUP) -> int | None:
    """The container's memory limit in bytes, or None."""
    words = _words(root, MEMORY)
    return int(words[0]) if words and words[0].isdigit() else None


def _words(root: Path, names: tuple[str, ...]) -> list[str]:
    for name in names:
        try:
            return (root / name).read_text().split()
        except OSError:
            continue
    return []
