"""Others, who ask a service while it is attacked: they do not notice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep

from tests.drills.memory import peak
from tests.drills.traffic import Outcome, kinds, milliseconds, percentile, traffic

PROMISED = 0.1  # s that an attack may add to the longest wait without one
ALLOWED = 1.0  # s that who needs a thread may wait
TIMES = 1.5  # what a worker may hold, of what it held before
SETTLE = 0.5  # s after an attack until its last connections are closed
RATE = 10  # a second, over connections that are kept, and as many over new ones


class Disturbed(AssertionError):
    """Others waited too long, which may be the machine's other load: such a drill is repeated once."""


@contextmanager
def endured(
    figure: Callable[..., None], service, what: str, *, control: float, key: str = ""
) -> Iterator[None]:
    """Run a block that attacks the service; note and check what others noticed, and what workers held.

    :param control: seconds without an attack, just before and just after.
    :raises Disturbed: if they waited longer than before and after the attack by more than is promised.
    """
    workers = service.workers()
    with (
        traffic(service.port, rate=RATE, key=key, source="127.0.5.1") as kept,
        traffic(service.port, rate=RATE, key=key, source="127.0.5.2", keep=False) as new,
        peak(service) as highest,
    ):
        began = monotonic()
        sleep(control)
        attacked = monotonic()
        yield
        ended = monotonic()
        sleep(SETTLE)
        settled = monotonic()
        sleep(control)

    def between(start: float, end: float = float("inf")) -> list[Outcome]:
        return kept.since(start, end) + new.since(start, end)

    outcomes, others = between(attacked, ended), between(began, attacked) + between(settled)
    assert service.workers() == workers
    assert kinds(between(began)) == {"200": len(between(began))}, kinds(between(began))
    assert highest.times <= TIMES
    (longest, p99), (usual, _) = slowest(outcomes), slowest(others)
    measured = f"{milliseconds(longest)}, p99 {milliseconds(p99)}; without the attack {milliseconds(usual)}"
    if longest > usual + PROMISED:
        raise Disturbed(f"{what}: {measured}")
    figure("attacks", f"{what}: longest wait of others", measured, f"{milliseconds(PROMISED)} more")
    figure("attacks", f"{what}: memory of a worker", f"{highest.times:.2f} × idle", f"{TIMES} × idle")


def slowest(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """The longest time and the 99th percentile, which is guessed beyond it of less than a hundred."""
    longest = max(outcome.seconds for outcome in outcomes)
    return longest, min(longest, percentile(outcomes, 99))
