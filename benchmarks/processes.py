"""CPU time and memory of a server's processes, as the kernel accounts them."""

import time
from contextlib import suppress

import psutil


def tree(root: psutil.Process) -> list[psutil.Process]:
    """A process and all its descendants."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(root: psutil.Process) -> float:
    """User and system time of the process tree in seconds, exited children included."""
    total = 0.0
    for process in tree(root):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def worker_memory(root: psutil.Process, workers: int) -> float:
    """Private memory (USS) that one worker costs, in MB.

    Counted are the leaves of the tree: workers and the helpers that come with them. Masters and
    supervisors, which every server has once, have children and are left out.
    """
    total = 0
    for process in tree(root):
        with suppress(psutil.NoSuchProcess):
            if not process.children():
                total += process.memory_full_info().uss
    return total / workers / 1e6


def settle(root: psutil.Process, *, limit: float = 30.0) -> None:
    """Wait, at most ``limit`` seconds, until the tree uses less than a twentieth of one core."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        before = cpu_seconds(root)
        time.sleep(0.4)
        if cpu_seconds(root) - before < 0.02:
            return


def stop(root: psutil.Process, *, patience: float = 10.0) -> None:
    """Stop the server, and kill what is left of its process tree after ``patience`` seconds."""
    processes = tree(root)
    with suppress(psutil.NoSuchProcess):
        root.terminate()
    _, left = psutil.wait_procs(processes, timeout=patience)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=patience)
