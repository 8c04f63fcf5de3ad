"""Shadow: a challenger predicts what the champion answered, later, in a thread of its own."""

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from time import perf_counter, sleep
from typing import NamedTuple

import numpy as np

from app.models.loading.loader import LoadedVersion
from app.models.ports import Notifier, NotShadowed, Shadowed
from app.models.prediction import Prediction
from app.models.schema.validation import RawRows

log = logging.getLogger(__name__)

MAX_WAITING = 1_000  # rows
# Seconds that a job waits, so that the request's answer is sent first.
PAUSE = 0.002
# Times as long as a job took the thread rests: it takes no more than a quarter of a worker's time.
REST = 3.0
TOLERANCE = 0.01  # of the champion's value: numbers that differ by more disagree

PredictUnseen = Callable[[LoadedVersion, RawRows], Prediction]


class Job(NamedTuple):
    """A prediction of the champion, and the challenger that is to predict the rows too."""

    challenger: LoadedVersion
    rows: RawRows
    prediction: Prediction


class Shadow:
    """One thread and a queue of at most `MAX_WAITING` rows; what does not fit is dropped and counted.

    The thread starts with the first job, so that there is none in the process that forks.

    :param predict: predicts without cache and without events.
    :param rest: called before and after each job with the seconds that the thread is to leave to others.
    """

    def __init__(
        self, predict: PredictUnseen, notify: Notifier, *, rest: Callable[[float], None] = sleep
    ) -> None:
        self._predict = predict
        self._notify = notify
        self._rest = rest
        self._jobs: SimpleQueue[tuple[float, Job]] = SimpleQueue()
        self._lock = Lock()
        self._waiting = 0
        self._thread: Thread | None = None

    def submit(self, job: Job) -> None:
        """Leave a job to the thread, or drop it; returns at once in either case."""
        size = len(job.prediction.output.values)
        with self._lock:
            admitted = self._waiting + size <= MAX_WAITING
            if admitted:
                self._waiting += size
                if self._thread is None:
                    self._thread = Thread(target=self._run, name="shadow", daemon=True)
                    self._thread.start()
        if admitted:
            self._jobs.put((perf_counter(), job))
        else:
            self._notify(NotShadowed(job.challenger, size, "dropped"))

    def _run(self) -> None:
        while True:
            submitted, job = self._jobs.get()
            self._rest(max(0.0, submitted + PAUSE - perf_counter()))
            started = perf_counter()
            self._do(job)
            with self._lock:
                self._waiting -= len(job.prediction.output.values)
            self._rest(REST * (perf_counter() - started))

    def _do(self, job: Job) -> None:
        started = perf_counter()
        try:
            found = self._predict(job.challenger, job.rows)
            disagreed = disagreements(job.prediction, found)
        except Exception as error:  # a challenger's failures are counted, not raised
            failed = {"model_version": job.challenger.version, "reason": type(error).__name__}
            log.warning("the challenger failed", extra=failed)
            self._notify(NotShadowed(job.challenger, len(job.prediction.output.values), "failed"))
        else:
            self._notify(Shadowed(found, disagreed, perf_counter() - started))


def disagreements(champion: Prediction, challenger: Prediction) -> int:
    """Rows for which the labels differ, or the numbers by more than 1 %."""
    ours, theirs = _predictions(champion), _predictions(challenger)
    if champion.model.output.labelled:
        return sum(mine != other for mine, other in zip(ours, theirs, strict=True))
    close = np.isclose(np.asarray(theirs, float), np.asarray(ours, float), rtol=TOLERANCE)
    return int((~close.reshape(len(ours), -1).all(axis=1)).sum())


def _predictions(prediction: Prediction) -> list[object]:
    return prediction.model.output.decoded(prediction.output.values.tolist())
