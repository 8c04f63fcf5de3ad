"""Whatever happens to Redis under load, predictions are answered."""

from time import monotonic, sleep

import pytest

from tests.drills.traffic import kinds, milliseconds, percentile, traffic
from tests.services import gunicorn, wait_until

pytestmark = pytest.mark.drill

RATE = 50


@pytest.fixture
def service(forest_dir, redis_server, tmp_path):
    """Two workers that count in Redis and remember there."""
    variables = {"REDIS_URL": redis_server.url, "RATE_LIMIT": "1000000/minute", "CACHE_MODE": "all"}
    with gunicorn(tmp_path, MODELS_DIR=forest_dir, WORKERS=2, **variables) as service:
        yield service
        redis_server.thaw()


def refuse(redis):
    redis.kill()


def freeze(redis):
    redis.freeze()


def slow_down(redis):
    redis.admin.client_pause(300)


def fill(redis):
    redis.admin.config_set("maxmemory-policy", "noeviction")
    redis.admin.config_set("maxmemory", 1)


def flush(redis):
    redis.admin.flushall()


# What is done, how often in the time of the drill, and whether it ends the use of Redis.
FAULTS = {
    "refused": (refuse, 1, True),
    "frozen": (freeze, 1, True),
    "slow, 300 ms every second": (slow_down, None, True),
    "full": (fill, 1, True),
    "flushed every second": (flush, None, False),
}


@pytest.mark.parametrize("name", FAULTS)
def test_predictions_are_answered(service, redis_server, length, figure, name):
    fault, times, noticed = FAULTS[name]
    seconds = length(4, 30)
    with traffic(service.port, rate=RATE) as clients:
        sleep(1)
        began = monotonic()
        for _ in range(times or int(seconds)):
            fault(redis_server)
            sleep(seconds / (times or int(seconds)))
        ended = monotonic()
        mend(redis_server)
        sleep(3)  # twice as long as a worker takes to notice
    before, during, after = (
        clients.since(0, began),
        clients.since(began, ended),
        clients.since(ended + 2),
    )
    figure(
        "Redis",
        f"{name}: failed of {len(during)}, p99, slowest; p99 before and after",
        f"{len([o for o in during if not o.good])}, {milliseconds(percentile(during, 99))}, "
        f"{milliseconds(max(o.seconds for o in during))}; {milliseconds(percentile(before, 99))}, "
        f"{milliseconds(percentile(after, 99))}",
        "0 failed",
    )
    assert kinds(clients.outcomes) == {"200": len(clients.outcomes)}
    # Two workers learn of the fault from one request each; no other one waits for Redis.
    assert percentile(during, 50) < 0.05
    wait_until(lambda: logged(service, "redis is available again") == logged(service, "redis is unavailable"))
    # On a busy machine a sound Redis, too, takes longer than 50 ms now and then.
    assert logged(service, "redis is unavailable") or not noticed
    assert logged(service, "\n") < 30 + 4 * seconds


def logged(service, words):
    """How often it logged them."""
    return service.output.read_text().count(words)


def mend(redis):
    redis.thaw()
    redis.start()
    redis.admin.config_set("maxmemory", 0)
