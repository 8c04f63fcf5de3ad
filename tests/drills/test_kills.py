"""Drill 2: kill -9 of a worker, of a replica and of Redis, under load."""

import json
import os
import signal
from itertools import pairwise
from time import monotonic

import pytest

from tests.drills.callers import calling
from tests.drills.stack import ROW
from tests.services import gunicorn, wait_until

pytestmark = pytest.mark.drill

CALLERS = 8
BACK = 2  # seconds
WORKERS = 4
LOST, FOUND = "redis is unavailable", "redis is available again"


def test_a_killed_worker_costs_what_it_had_in_work(trained_dir, tmp_path, figure, length):
    kills, refilled = [], []
    with (
        gunicorn(tmp_path, MODELS_DIR=trained_dir, WORKERS=WORKERS) as server,
        calling(server.port, ROW, {}, callers=CALLERS, rate=200) as calls,
    ):
        for number in range(length(5, 20)):
            victim = server.workers()[number % WORKERS]
            kills.append(monotonic())
            os.kill(victim, signal.SIGKILL)
            # It is gone once its parent has seen it go.
            wait_until(lambda victim=victim: victim not in server.workers())
            wait_until(lambda: server.total("workers") == WORKERS)
            refilled.append(monotonic() - kills[-1])
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
    # Differences, because a worker that was killed before may have lost Redis and never said the rest.
    lost, found = stack.logged("api", LOST), stack.logged("api", FOUND)

    def restore():
        wait_until(lambda: stack.logged("api", LOST) > lost)
        stack.revive(redis)
        wait_until(lambda: stack.logged("api", FOUND) - found >= stack.logged("api", LOST) - lost)

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
        for _ in range(length(2, 20)):
            kill, restore = VICTIMS[victim](running_stack)
            kills.append(monotonic())
            kill()
            restore()
    judge(figure, victim, calls, kills)


def judge(figure, victim, calls, kills):
    """No more failed at a kill than can have been under way, one of each caller, and not for long."""
    failed = calls.failed()
    silence = calls.silence(kills[0])
    figure(
        "2",
        f"{victim}, killed {len(kills)} times under {len(calls.ended)} requests",
        f"{len(failed)} failed; {silence:.2f} s without an answer at most",
        f"those in flight; {BACK} s",
    )
    for began, following in pairwise([*kills, float("inf")]):
        lost = [call for call in failed if began <= call.ended < following]
        assert len(lost) <= CALLERS, json.dumps([call.failure for call in lost])
    assert [call.failure for call in failed if call.ended < kills[0]] == []
    assert silence <= BACK
