import pytest

from app.middleware.rate_limit.memory_windows import MemoryWindows
from app.middleware.rate_limit.redis_windows import RedisWindows
from app.settings.rate_limits import parse_limit


@pytest.fixture
def memory(clock):
    return MemoryWindows(clock=clock).hit


@pytest.fixture
def redis(redis_server, clock):
    windows = RedisWindows(redis_server.admin, clock=clock)
    return lambda limit, key: windows.hit(redis_server.admin, limit, key)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.server)])
def hit(request):
    return request.getfixturevalue(request.param)


def allowed(hit, limit, key="key", times=1):
    return sum(hit(limit, key).allowed for _ in range(times))


def test_as_many_pass_as_the_limit_says(hit):
    assert allowed(hit, parse_limit("100 per minute"), times=150) == 100


def test_keys_do_not_share(hit):
    limit = parse_limit("2/minute")
    assert allowed(hit, limit, "a", times=3) == 2
    assert allowed(hit, limit, "b", times=3) == 2


def test_no_burst_around_a_boundary_exceeds_the_limit(hit, clock):
    limit = parse_limit("100/minute")
    clock.now = 1_000_000 * 60 - 1
    first = allowed(hit, limit, times=100)
    clock.now += 2  # a fixed window would start anew here and admit 200
    assert (first, allowed(hit, limit, times=100)) == (100, 0)


def test_the_oldest_request_makes_room_when_it_leaves(hit, clock):
    limit = parse_limit("2/minute")
    hit(limit, "key")
    clock.now += 20
    hit(limit, "key")
    clock.now += 39.9
    assert not hit(limit, "key").allowed
    clock.now += 0.2
    assert allowed(hit, limit, times=2) == 1


@pytest.mark.parametrize("waited", [0, 0.5, 17, 59])
def test_the_time_to_wait_is_exact_to_the_second(hit, clock, waited):
    limit = parse_limit("1/minute")
    hit(limit, "key")
    clock.now += waited
    wait = hit(limit, "key").reset
    assert 60 - waited <= wait < 61 - waited
    clock.now += wait - 1
    assert not hit(limit, "key").allowed
    clock.now += 1.001
    assert hit(limit, "key").allowed


def test_what_remains_is_counted_down(hit, clock):
    limit = parse_limit("3/minute")
    decisions = []
    for _ in range(4):
        decisions.append(hit(limit, "key"))
        clock.now += 10
    assert [decision.remaining for decision in decisions] == [2, 1, 0, 0]
    assert [decision.reset for decision in decisions] == [60, 50, 40, 30]


def test_several_windows_must_all_have_room(hit, clock):
    limit = parse_limit("2/second;3/hour")
    assert allowed(hit, limit, times=5) == 2
    clock.now += 1.1
    assert allowed(hit, limit, times=5) == 1
    assert hit(limit, "key").reset == 3599


def test_a_request_refused_by_one_window_is_not_counted_in_another(hit, clock):
    limit = parse_limit("1/second;3/hour")
    passed = 0
    for _ in range(4):
        passed += allowed(hit, limit, times=50)
        clock.now += 1.1
    assert passed == 3


@pytest.mark.server
def test_scripts_that_redis_has_forgotten_are_loaded_again(redis, redis_server):
    limit = parse_limit("2/minute")
    redis(limit, "key")
    redis_server.admin.script_flush()
    assert allowed(redis, limit, times=3) == 1


@pytest.mark.server
def test_redis_keeps_no_key_longer_than_its_window(redis, redis_server):
    redis(parse_limit("5/minute"), "key")
    (name,) = redis_server.admin.keys()
    assert 0 < redis_server.admin.ttl(name) <= 60


def test_memory_is_bounded_in_keys(clock):
    windows = MemoryWindows(clock=clock, max_keys=100)
    limit = parse_limit("1/minute")
    for stranger in range(1000):
        windows.hit(limit, f"stranger{stranger}")
    assert not windows.hit(limit, "stranger900").allowed
    assert windows.hit(limit, "stranger899").allowed
