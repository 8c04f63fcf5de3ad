"""Others, who ask a service while it is attacked: they do not notice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep

from tests.drills.memory import peak
from tests.drills.traffic import Outcome, kinds, milliseconds, percentile, traffic

PROMISED = 0.1  # s that they may wait
ALLOWED = 1.0  # s: the longest of many, on a machine that does other things too
TIMES = 1.5  # what a worker may hold, of what it held before
QUIET = 1.0  # s before the attack
RATE = 10  # a second, over connections that are kept, and as many over new ones


@contextmanager
def endured(
    figure: Callable[..., None], service, what: str, *, key: str = "", memory: bool = False
) -> Iterator[None]:
    """Run a block that attacks the service; note and check what others noticed, and what workers held.

    Where the machine is so busy that others wait without an attack, three times as long is allowed.
    """
    workers = service.workers()
    with (
        traffic(service.port, rate=RATE, key=key, source="127.0.5.1") as kept,
        traffic(service.port, rate=RATE, key=key, source="127.0.5.2", keep=False) as new,
        peak(service) as highest,
    ):
        began = monotonic()
        sleep(QUIET)
        attacked = monotonic()
        yield
    before = kept.since(began, attacked) + new.since(began, attacked)
    outcomes = kept.since(attacked) + new.since(attacked)
    longest, p99 = slowest(outcomes)
    measured = f"{milliseconds(longest)}, p99 {milliseconds(p99)}"
    figure("attacks", f"{what}: longest wait of others", measured, milliseconds(PROMISED))
    if memory:
        figure("attacks", f"{what}: memory of a worker", f"{highest.times:.2f} × idle", f"{TIMES} × idle")
    assert service.workers() == workers
    assert kinds(outcomes) == {"200": len(outcomes)}, kinds(outcomes)
    assert p99 <= max(PROMISED, 3 * slowest(before)[0])
    assert longest <= ALLOWED
    assert not memory or highest.times <= TIMES


def slowest(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """The longest time and the 99th percentile, which is guessed beyond it of less than a hundred."""
    longest = max(outcome.seconds for outcome in outcomes)
    return longest, min(longest, percentile(outcomes, 99))
