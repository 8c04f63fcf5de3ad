"""The cache of a worker: its own memory, then the shared tier, then the engine, once per distinct row."""

from collections.abc import MutableMapping, Sequence
from threading import Lock
from weakref import WeakKeyDictionary

from app.middleware.prediction_cache.cache_keys import CacheKeyBuilder, canonical
from app.middleware.prediction_cache.row_outputs import join, split
from app.middleware.prediction_cache.shared import Shared
from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadedVersion
from app.models.ports import Compute
from app.models.schema.rows import Rows, take

# What one row costs that is found in memory, and in a Redis on the same machine, in µs: measured, see
# docs/cache.md. An engine that is as fast is asked at once.
LOCAL_US = 8.0
SHARED_US = 100.0

Found = dict[bytes, EngineOutput]


class Lookup:
    """The rows of one call by key, each distinct one once, and how to compute them."""

    def __init__(self, model: LoadedVersion, rows: Rows, keys: Sequence[bytes], compute: Compute) -> None:
        self.model = model
        self.keys = keys
        self._rows = rows
        self._compute = compute

    def compute(self, keys: Sequence[bytes]) -> Found:
        """One engine call for the rows of these keys."""
        if len(keys) == len(self.keys):
            return dict(zip(self.keys, split(self._compute(self._rows)), strict=True))
        position = {key: index for index, key in enumerate(self.keys)}
        rows = take(self._rows, [position[key] for key in keys])
        return dict(zip(keys, split(self._compute(rows)), strict=True))


class Flight:
    """A row that some thread is finding out; ``outcome`` stays None if it failed.

    ``landing`` is held until then: a lock is made in a tenth of the time of an event, on every miss.
    """

    __slots__ = ("landing", "outcome")

    def __init__(self) -> None:
        self.landing = Lock()
        self.landing.acquire()
        self.outcome: EngineOutput | None = None


class TieredCache:
    """A `PredictionCache`; see there. What failed is not remembered, and whoever waited for it tries itself.

    :param local: outcomes by key; may forget.
    :param every_route: look whatever the route, not only where it asks for it.
    """

    def __init__(
        self, local: MutableMapping[bytes, EngineOutput], shared: Shared, *, every_route: bool = False
    ) -> None:
        self._local = local
        self._shared = shared
        self.every_route = every_route
        self._lock = Lock()
        self._flights: dict[bytes, Flight] = {}
        self._key_builders: WeakKeyDictionary[LoadedVersion, dict[str, CacheKeyBuilder]] = WeakKeyDictionary()

    def output(self, model: LoadedVersion, rows: Rows, compute: Compute) -> tuple[EngineOutput, list[bool]]:
        """The outcome of all rows, and which were remembered; no flags if looking would not have paid."""
        key_builder = self._key_builder(model)
        single = len(rows) == 1
        if single and key_builder.engine_us <= LOCAL_US:
            return compute(rows), []
        rows = canonical(rows, nullable=model.signature.nullable)
        keys = key_builder.keys(rows)
        found, mine, others = self._claim(keys)
        computed: Found = {}
        if mine or others:
            lookup = Lookup(model, rows, keys, compute)
            ask_shared = self._shared.configured and not (single and key_builder.engine_us <= SHARED_US)
            if mine:
                computed |= self._fly(lookup, mine, found, ask_shared=ask_shared)
            if others:
                computed |= self._wait(lookup, others, found)
            found |= computed
        return join([found[key] for key in keys]), [key not in computed for key in keys]

    def _key_builder(self, model: LoadedVersion) -> CacheKeyBuilder:
        engine = model.engine.name
        key_builders = self._key_builders.get(model)
        if key_builders is None or engine not in key_builders:
            with self._lock:
                key_builders = self._key_builders.setdefault(model, {})
                key_builders.setdefault(engine, CacheKeyBuilder(model, engine))
        return key_builders[engine]

    def _claim(self, keys: Sequence[bytes]) -> tuple[Found, dict[bytes, Flight], dict[bytes, Flight]]:
        """What is in memory; flights that are now this call's to make; flights that others make."""
        found: Found = {}
        mine: dict[bytes, Flight] = {}
        others: dict[bytes, Flight] = {}
        with self._lock:
            for key in dict.fromkeys(keys):
                if (outcome := self._local.get(key)) is not None:
                    found[key] = outcome
                elif (flight := self._flights.get(key)) is not None:
                    others[key] = flight
                else:
                    mine[key] = self._flights[key] = Flight()
        return found, mine, others

    def _fly(self, lookup: Lookup, flights: dict[bytes, Flight], found: Found, *, ask_shared: bool) -> Found:
        """Add what the shared tier knows to ``found``, and return the rest, computed in one call."""
        computed: Found = {}
        remembered: Found = {}
        try:
            if ask_shared:
                remembered = self._shared.get(list(flights), lookup.model)
                found |= remembered
            if missing := [key for key in flights if key not in remembered]:
                computed = lookup.compute(missing)
        finally:
            self._land(flights, remembered | computed)
        if ask_shared and computed:
            self._shared.set(computed)
        return computed

    def _land(self, flights: dict[bytes, Flight], outcomes: Found) -> None:
        with self._lock:
            for key, outcome in outcomes.items():
                self._local[key] = outcome
            for key in flights:
                del self._flights[key]
        for key, flight in flights.items():
            flight.outcome = outcomes.get(key)
            flight.landing.release()

    def _wait(self, lookup: Lookup, flights: dict[bytes, Flight], found: Found) -> Found:
        """Add what others found out to ``found``, and return what they failed at, computed here.

        Nobody waits before its own flights have landed, so no two calls wait for each other.
        """
        for key, flight in flights.items():
            with flight.landing:
                pass
            if flight.outcome is not None:
                found[key] = flight.outcome
        failed = [key for key in flights if key not in found]
        computed = lookup.compute(failed) if failed else {}
        with self._lock:
            self._local.update(computed)
        return computed
