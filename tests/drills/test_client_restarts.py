"""The Python client while the service is stopped, killed and reloaded: no call fails."""

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle, islice
from threading import Lock
from time import monotonic

import pytest

from model_service_client import Client, ClientError
from tests.drills.traffic import milliseconds
from tests.services import PATIENCE, free_port, gunicorn, wait_until

pytestmark = pytest.mark.drill

THREADS = 8
ROWS = (([9.0, 9.0, 9.0], 1), ([1.0, 1.0, 1.0], 0))  # and the class of each
LONGEST = 600  # seconds


class Callers:
    """Threads that share a client, and what became of their calls.

    :param calls: how many all of them make together.
    """

    def __init__(self, client: Client, calls: int) -> None:
        self.client = client
        self.calls = calls
        self.made = 0
        self.failures: Counter[str] = Counter()
        self.slowest = 0.0
        self._begun = 0
        self._lock = Lock()

    def call(self) -> None:
        """Call until all calls have been made."""
        while (number := self._next()) < self.calls:
            row, expected = ROWS[number % 2]
            began = monotonic()
            try:
                prediction = self.client.predict(row).prediction
                failure = None if prediction == expected else f"{prediction} in place of {expected}"
            except ClientError as error:
                failure = repr(error)
            self._note(monotonic() - began, failure)

    def _next(self) -> int:
        with self._lock:
            self._begun += 1
            return self._begun - 1

    def _note(self, seconds: float, failure: str | None) -> None:
        with self._lock:
            self.made += 1
            self.slowest = max(self.slowest, seconds)
            if failure:
                self.failures[failure] += 1


class Restarted:
    """The service at one port, and the ways in which it may be restarted, used in turn."""

    def __init__(self, stack: ExitStack, directory, **variables) -> None:
        self._stack, self._directory = stack, directory
        self._variables = {"PORT": free_port(), "WORKERS": 2, "DRAIN_SECONDS": 0, **variables}
        self._start()
        self.ways = cycle((self._stop, self._kill, self._reload, self._kill_worker))

    def _start(self) -> None:
        self.service = self._stack.enter_context(gunicorn(self._directory, **self._variables))

    def _stop(self) -> None:
        self.service.process.terminate()
        assert self.service.process.wait(PATIENCE) == 0
        self._start()

    def _kill(self) -> None:
        os.killpg(self.service.process.pid, signal.SIGKILL)
        self.service.process.wait(PATIENCE)
        self._start()

    def _reload(self) -> None:
        before = set(self.service.workers())
        self.service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(set(self.service.workers()) - before) == 2)
        wait_until(lambda: not before & set(self.service.workers()))

    def _kill_worker(self) -> None:
        worker = self.service.workers()[0]
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: worker not in self.service.workers() and len(self.service.workers()) == 2)


def test_no_call_of_the_client_fails(forest_dir, tmp_path, length, figure):
    times, calls = int(length(2, 10)), int(length(5_000, 100_000))
    with ExitStack() as stack:
        restarted = Restarted(stack, tmp_path, MODELS_DIR=forest_dir)
        client = stack.enter_context(Client(restarted.service.address))
        callers = Callers(client, calls)
        with ThreadPoolExecutor(THREADS) as pool:
            running = [pool.submit(callers.call) for _ in range(THREADS)]
            for number, restart in enumerate(islice(restarted.ways, times), 1):
                due = number * calls // (times + 1)
                wait_until(lambda due=due: callers.made >= due, LONGEST)
                restart()
            for caller in running:
                caller.result()
    figure(
        "client",
        f"{times} restarts (SIGTERM, SIGKILL of all, SIGHUP, SIGKILL of a worker) under the Python client:"
        f" failed of {callers.made} calls",
        f"{callers.failures.total()}, longest {milliseconds(callers.slowest)}",
        "0",
    )
    assert callers.made == calls
    assert callers.failures == {}
