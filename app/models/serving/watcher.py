"""Follow ``active.json``: serve what another process activated, without a restart."""

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
FOLLOWING_FAILED = "following the active version failed"
# Seconds for which a thread that computes in Python keeps the interpreter from a request: one that loads a
# version, or the shadow. With CPython's 5 ms the 99th percentile of a prediction was 5 to 12 ms meanwhile,
# with this mostly below 3.
SWITCH_INTERVAL = 0.0001


class RepeatedPoll:
    """A look that is taken again and again: it may fail, which is said once for each reason, and the next one
    may succeed.

    :param what: is looked for.
    :param failure: what the log says of an error that nobody expected.
    """

    def __init__(self, what: str, poll: Callable[[], None], *, failure: str) -> None:
        self._what = what
        self._look = poll
        self._failure = failure
        self._told: str | None = None

    def make(self) -> None:
        """Take a look; requests go on whatever it raises."""
        reason = None
        try:
            self._look()
        except ServiceError as error:
            reason = error.message
            if reason != self._told:
                log.error("what serves goes on", extra={"looked_for": self._what, "reason": reason})
        except Exception:
            log.exception(self._failure)
        self._told = reason


class RepositoryWatcher:
    """A thread that looks for a change twice a second and loads in the background.

    Requests go on with the old version until the new one is ready. A version that is refused is not tried
    again until another one is activated, or its files change.
    """

    def __init__(self, served_model: ServedModel) -> None:
        self._service = served_model
        self._stopped = Event()
        self._refused: tuple[str, object] | None = None
        self._active = RepeatedPoll("active version", self._poll_active_version, failure=FOLLOWING_FAILED)
        self._routing = RepeatedPoll("routing", served_model.poll_traffic_split, failure=FOLLOWING_FAILED)

    def start(self) -> None:
        """Begin to follow, until `stop` or the end of the process, and be counted as a worker."""
        self._service.join_workers()
        self._routing.make()  # before the first request, or callers would change versions
        Thread(target=self._run, name="model-follower", daemon=True).start()

    def stop(self) -> None:
        """End the thread after what it is doing, and be no worker any more."""
        self._stopped.set()
        self._service.workers.leave()

    def poll(self) -> None:
        """Load the active version if it is not the one that serves, and follow the routing.

        What cannot be read leaves what serves as it is, and is said once.
        """
        self._active.make()
        self._routing.make()

    def _poll_active_version(self) -> None:
        wanted = self._service.store.active()
        if wanted is None or (self._service.loaded and self._service.model.version == wanted):
            self._refused = None
            return
        seen = (wanted, _state(self._service.store.folder(wanted)))
        if seen == self._refused:
            return
        try:
            self._service.load(wanted)
        except ServiceError:
            self._refused = seen
            return
        self._refused = None

    def _run(self) -> None:
        while not self._stopped.wait(POLL_INTERVAL):
            self.poll()


class RegistryWatcher:
    """A `RepositoryWatcher` for each model: folders that appear are loaded, those that are gone are given up.

    Each has a thread of its own, so that a model that takes long to load holds up no other.
    """

    def __init__(self, registry: ModelRegistry) -> None:
        self._services = registry
        self._followers: dict[str, RepositoryWatcher] = {}

    def start(self) -> None:
        """Begin to follow, until the end of the process, in threads that give way to requests."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        self._follow(DEFAULT)
        with suppress(StoreUnreadable):  # which the thread says
            for name in self._services.names():
                self._follow(name)
        Thread(target=self._run, name="models-follower", daemon=True).start()

    def poll(self) -> None:
        """Take up models that are new, and give up those that are gone."""
        names = set(self._services.names())
        for name in names - set(self._followers):
            load_logged(name, self._services[name])
            self._follow(name)
        for name in set(self._followers) - names - {DEFAULT}:
            self._followers.pop(name).stop()
            self._services.forget(name)

    def _follow(self, name: str) -> None:
        self._followers[name] = follower = RepositoryWatcher(self._services[name])
        follower.start()

    def _run(self) -> None:
        attempt = RepeatedPoll("models", self.poll, failure="looking for models failed")
        while True:
            sleep(POLL_INTERVAL)
            attempt.make()


def _state(folder: Path) -> object:
    """What changes whenever a file of a version does; None if there is no such folder."""
    try:
        return sorted((path.name, path.lstat().st_mtime_ns, path.lstat().st_ino) for path in folder.iterdir())
    except OSError:
        return None
