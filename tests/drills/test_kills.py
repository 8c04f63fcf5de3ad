"""Drill 2: kill -9 of a worker, of a replica and of Redis, under load."""

import json
import os
import signal
from itertools import pairwise
from time import monotonic

import pytest

from tests.app.middleware.servers import gunicorn
from tests.drills.callers import calling
from tests.drills.stack import ROW
from tests.services import wait_until

pytestmark = pytest.mark.drill

CALLERS = 8
BACK = 2  # seconds
WORKERS = 4
LOST, FOUND = "redis is unavailable", "redis is available again"


def test_a_killed_worker_costs_what_it_had_in_work(trained_dir, tmp_path, figure, length):
    kills, refilled = [], []
    settings = {"MODELS_DIR": trained_dir, "LOG_LEVEL": "WARNING"}
    with (
        gunicorn(tmp_path / "log", workers=WORKERS, **settings) as server,
        calling(server.port, ROW, {}, callers=CALLERS, rate=200) as calls,
    ):
        for number in range(length(5, 20)):
            victim = server.workers()[number % WORKERS]
            began = monotonic()
            os.kill(victim, signal.SIGKILL)
            # It is gone once its parent has seen it go.
            wait_until(lambda victim=victim: victim not in server.workers())
            kills.append((began, monotonic()))
            wait_until(lambda: server.total("workers") == WORKERS)
            refilled.append(monotonic() - began)
    judge(figure, "a worker of gunicorn", calls, kills)
    figure("2", "until as many workers as before", f"{max(refilled):.2f} s at most", f"{BACK} s")
    assert max(refilled) <= BACK


def kill_worker(stack):
    """Kill the first worker of a replica; its master replaces it."""
    replica = stack.containers("api")[0]
    kill = "kill -9 $(cut -d ' ' -f 1 /proc/1/task/1/children)"
    return lambda: stack.engine("exec", replica, "sh", "-c", kill), lambda: stack.wait_for(replica)


def kill_replica(stack):
    """Kill a container with all that runs in it."""
    replica = stack.containers("api")[0]

    def restore():
        stack.revive(replica)
        stack.wait_for(replica)

    return lambda: stack.engine("kill", "-s", "KILL", replica), restore


def kill_redis(stack):
    """Kill what the replicas share; they count for themselves until it is back."""
    (redis,) = stack.containers("redis")
    before = stack.logged("api", LOST)

    def restore():
        wait_until(lambda: stack.logged("api", LOST) > before)
        stack.revive(redis)
        wait_until(lambda: stack.logged("api", FOUND) == stack.logged("api", LOST))

    return lambda: stack.engine("kill", "-s", "KILL", redis), restore


VICTIMS = {
    "a worker of a replica": kill_worker,
    "a replica": kill_replica,
    "Redis": kill_redis,
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_what_is_killed_behind_nginx_costs_what_it_had_in_work(running_stack, figure, length, victim):
    kills = []
    headers = {"X-API-Key": running_stack.key}
    with calling(running_stack.port, ROW, headers, callers=CALLERS, rate=60) as calls:
        for _ in range(length(3, 20)):
            kill, restore = VICTIMS[victim](running_stack)
            began = monotonic()
            kill()
            kills.append((began, monotonic()))
            restore()
    judge(figure, victim, calls, kills)


def judge(figure, victim, calls, kills):
    """Only requests that were under way at a kill failed, one of each caller at most, and not for long."""
    failed = calls.failed()
    silence = calls.silence(kills[0][0])
    figure(
        "2",
        f"{victim}, killed {len(kills)} times under {len(calls.ended)} requests",
        f"{len(failed)} failed; {silence:.2f} s without an answer at most",
        f"those in flight; {BACK} s",
    )
    for (began, over), following in pairwise([*kills, (float("inf"),) * 2]):
        lost = [call for call in failed if began <= call.ended < following[0]]
        assert len(lost) <= CALLERS, json.dumps([call.failure for call in lost])
        assert [call.failure for call in lost if call.began > over] == []
    assert [call.failure for call in failed if call.ended < kills[0][0]] == []
    assert silence <= BACK
