"""The cache of a worker: its own memory, then the shared tier, then the engine, once per distinct row."""

from collections.abc import MutableMapping, Sequence
from threading import Lock
from weakref import WeakKeyDictionary

from app.middleware.prediction_cache.cache_keys import CacheKeyBuilder, canonical
from app.middleware.prediction_cache.row_outputs import join, split
from app.middleware.prediction_cache.shared import RedisShared
from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadedVersion
from app.models.ports import Compute
from app.models.schema.rows import Rows, take

# Cost of one row found in memory, and in a Redis on the same machine, in µs: measured, see docs/cache.md. An
# engine that is as fast needs no lookup.
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
        rows = self._rows
        if len(keys) < len(self.keys):
            position = {key: index for index, key in enumerate(self.keys)}
            rows = take(rows, [position[key] for key in keys])
        return dict(zip(keys, split(self._compute(rows)), strict=True))


class PendingRow:
    """A row that some thread is computing; ``output`` stays None if that failed.

    ``done`` is held until then: a lock is made in a tenth of the time of an event, on every miss.
    """

    __slots__ = ("done", "output")

    def __init__(self) -> None:
        self.done = Lock()
        self.done.acquire()
        self.output: EngineOutput | None = None


Pending = dict[bytes, PendingRow]


class TieredCache:
    """A `PredictionCache`; see there. Failures are not cached: each call that waited computes for itself.

    :param local: outputs by key; may drop any.
    :param shared: None where each worker caches for itself.
    :param every_route: look up on every route, not only where the route asks for it.
    """

    def __init__(
        self,
        local: MutableMapping[bytes, EngineOutput],
        shared: RedisShared | None,
        *,
        every_route: bool = False,
    ) -> None:
        self._local = local
        self._shared = shared
        self.every_route = every_route
        self._lock = Lock()
        self._pending: Pending = {}
        self._key_builders: WeakKeyDictionary[LoadedVersion, dict[str, CacheKeyBuilder]] = WeakKeyDictionary()

    def output(self, model: LoadedVersion, rows: Rows, compute: Compute) -> tuple[EngineOutput, list[bool]]:
        """The output of all rows, and which were cached; no flags if a lookup would have cost more."""
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
            shared = None if single and key_builder.engine_us <= SHARED_US else self._shared
            if mine:
                computed |= self._resolve(lookup, mine, found, shared)
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

    def _claim(self, keys: Sequence[bytes]) -> tuple[Found, Pending, Pending]:
        """Outputs in memory; pending rows that are now this call's; pending rows of other calls."""
        found: Found = {}
        mine: Pending = {}
        others: Pending = {}
        with self._lock:
            for key in dict.fromkeys(keys):
                if (output := self._local.get(key)) is not None:
                    found[key] = output
                elif (row := self._pending.get(key)) is not None:
                    others[key] = row
                else:
                    mine[key] = self._pending[key] = PendingRow()
        return found, mine, others

    def _resolve(self, lookup: Lookup, pending: Pending, found: Found, shared: RedisShared | None) -> Found:
        """Add the shared tier's outputs to ``found``, and return the rest, computed in one call."""
        computed: Found = {}
        known: Found = {}
        try:
            if shared:
                known = shared.get(list(pending), lookup.model)
                found |= known
            if missing := [key for key in pending if key not in known]:
                computed = lookup.compute(missing)
        finally:
            self._release(pending, known | computed)
        if shared and computed:
            shared.set(computed)
        return computed

    def _release(self, pending: Pending, outputs: Found) -> None:
        with self._lock:
            self._local.update(outputs)
            for key in pending:
                del self._pending[key]
        for key, row in pending.items():
            row.output = outputs.get(key)
            row.done.release()

    def _wait(self, lookup: Lookup, pending: Pending, found: Found) -> Found:
        """Add the outputs of other calls to ``found``, and return those that failed there, computed here.

        A call waits only after it has released its own rows, so no two calls wait for each other.
        """
        for key, row in pending.items():
            with row.done:
                pass
            if row.output is not None:
                found[key] = row.output
        failed = [key for key in pending if key not in found]
        computed = lookup.compute(failed) if failed else {}
        with self._lock:
            self._local.update(computed)
        return computed
