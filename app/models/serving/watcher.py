"""Watchers: threads that take up what another process changed in the store, without a restart."""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import sleep

from app.exceptions import ServiceError, StoreUnreadable
from app.models.serving.registry import ModelRegistry, load_logged
from app.models.serving.served_model import DEFAULT, ServedModel

log = logging.getLogger(__name__)

POLL_INTERVAL = 0.5
POLL_FAILED = "following the active version failed"
# Seconds for which a thread that loads a version or predicts in the shadow keeps the interpreter from a
# request. With CPython's 5 ms the 99th percentile of a prediction was 5 to 12 ms meanwhile, with this mostly
# below 3: https://docs.python.org/3/library/sys.html#sys.setswitchinterval
SWITCH_INTERVAL = 0.0001


class RepeatedPoll:
    """A poll that may fail: logged once for each reason, and made again.

    :param what: is looked for.
    :param failure: log event for an exception that is no `ServiceError`.
    """

    def __init__(self, what: str, poll: Callable[[], None], *, failure: str) -> None:
        self._what = what
        self._poll = poll
        self._failure = failure
        self._logged: str | None = None

    def __call__(self) -> None:
        """Poll once; requests go on whatever it raises."""
        reason = None
        try:
            self._poll()
        except ServiceError as error:
            reason = error.message
            if reason != self._logged:
                log.error("what serves goes on", extra={"looked_for": self._what, "reason": reason})
        except Exception:
            log.exception(self._failure)
        self._logged = reason


class RepositoryWatcher:
    """A thread that polls one model's store twice a second and loads in the background.

    Requests go on with the old version until the new one is ready. A version that was rejected is tried again
    only after another one was active, or its files changed.
    """

    def __init__(self, served_model: ServedModel) -> None:
        self._served_model = served_model
        self._stopped = Event()
        self._rejected: tuple[str, object] | None = None
        self._poll_active = RepeatedPoll("active version", self._poll_active_version, failure=POLL_FAILED)
        self._poll_split = RepeatedPoll("routing", served_model.poll_traffic_split, failure=POLL_FAILED)

    def start(self) -> None:
        """Register as a worker and poll until `stop` or the end of the process."""
        self._served_model.join_workers()
        self._poll_split()  # before the first request, or clients would change versions
        Thread(target=self._run, name="repository-watcher", daemon=True).start()

    def stop(self) -> None:
        """End the thread after its current poll, and leave the workers."""
        self._stopped.set()
        self._served_model.workers.leave()

    def poll(self) -> None:
        """Load the active version if another one serves, and follow the traffic split.

        A file that cannot be read changes nothing, and is logged once.
        """
        self._poll_active()
        self._poll_split()

    def _poll_active_version(self) -> None:
        wanted = self._served_model.store.active()
        if wanted is None or (self._served_model.loaded and self._served_model.model.version == wanted):
            self._rejected = None
            return
        seen = (wanted, _fingerprint(self._served_model.store.folder(wanted)))
        if seen == self._rejected:
            return
        self._rejected = None
        try:
            self._served_model.load(wanted)
        except ServiceError:
            self._rejected = seen

    def _run(self) -> None:
        while not self._stopped.wait(POLL_INTERVAL):
            self.poll()


class RegistryWatcher:
    """A `RepositoryWatcher` for each model: models whose folders appear are loaded, others are given up.

    Each model has a thread of its own, so that one that takes long to load holds up no other.
    """

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._watchers: dict[str, RepositoryWatcher] = {}
        self._links: set[str] = set()

    def start(self) -> None:
        """Poll until the end of the process, in threads that give way to requests."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        self._watch(DEFAULT)
        with suppress(StoreUnreadable):  # which the thread logs
            names = self._registry.names()
            self._links = set(filter(self._registry.is_link, names))
            for name in names:
                if name not in self._links:
                    self._watch(name)
        Thread(target=self._run, name="registry-watcher", daemon=True).start()

    def poll(self) -> None:
        """Take up models that are new, and give up those that are gone."""
        names = set(self._registry.names())
        links = set(filter(self._registry.is_link, names))
        new, self._links = names - set(self._watchers) - self._links, links
        for name in new:
            load_logged(self._registry, name)
        names -= links
        for name in new & names:
            self._watch(name)
        for name in set(self._watchers) - names - {DEFAULT}:
            self._watchers.pop(name).stop()
            self._registry.forget(name)

    def _watch(self, name: str) -> None:
        self._watchers[name] = watcher = RepositoryWatcher(self._registry[name])
        watcher.start()

    def _run(self) -> None:
        poll = RepeatedPoll("models", self.poll, failure="looking for models failed")
        while True:
            sleep(POLL_INTERVAL)
            poll()


def _fingerprint(folder: Path) -> object:
    """A value that changes whenever a file of a version does; None if there is no such folder."""
    try:
        return sorted((path.name, path.lstat().st_mtime_ns, path.lstat().st_ino) for path in folder.iterdir())
    except OSError:
        return None
