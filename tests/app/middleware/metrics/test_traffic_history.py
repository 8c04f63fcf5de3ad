import pytest

from app.middleware.metrics import instruments
from app.middleware.metrics.snapshot_ring import RING, SLOT, SnapshotRing
from app.middleware.metrics.traffic_history import (
    INTERVAL,
    TrafficHistory,
    history_of,
    quiet_routes,
    ring_at,
)


@pytest.fixture
def counted():
    return instruments.private()


@pytest.fixture
def ring():
    return SnapshotRing()


@pytest.fixture
def history(counted, ring, clock):
    return TrafficHistory(counted, ring, quiet=frozenset({"/metrics"}), clock=clock)


def request(counted, *, number=1, route="/api/predict", status=200, seconds=0.002):
    for _ in range(number):
        counted.requests.labels(route, "POST", status).inc()
        counted.duration.labels(route).observe(seconds)


def next_interval(history, clock, intervals=1):
    clock.now += INTERVAL * intervals
    history.record()


def test_interval_has_what_happened_between_its_ends(history, counted, clock):
    request(counted, number=7)
    history.record()
    request(counted, number=10)
    request(counted, number=5, status=400)
    counted.rejected.labels("rate_limit").inc(2)
    counted.cache.labels("hit").inc(3)
    counted.cache.labels("miss").inc(4)
    next_interval(history, clock)
    (event,) = history.events()
    assert event["id"] == clock.now // INTERVAL
    assert (event["requests"], event["requests_per_second"], event["seconds"]) == (15, 3.0, 5.0)
    assert (event["errors"], event["rejected"]) == ({"400": 5}, {"rate_limit": 2})
    assert (event["cache_hits"], event["cache_misses"]) == (3, 4)


def test_response_times_are_those_of_the_interval(history, counted, clock):
    request(counted, number=1000, seconds=9)
    history.record()
    request(counted, number=100, seconds=0.002)
    next_interval(history, clock)
    next_interval(history, clock)
    busy, idle = history.events()
    assert 0.001 < busy["p50_response_time"] <= busy["p99_response_time"] <= 0.0025
    assert idle["p99_response_time"] is None
    assert idle["requests"] == 0


def test_quiet_routes_do_not_count(history, counted, clock):
    history.record()
    request(counted, number=9, route="/metrics", status=401)
    next_interval(history, clock)
    (event,) = history.events()
    assert (event["requests"], event["errors"], event["p50_response_time"]) == (0, {}, None)


def test_events_go_on_after_the_last_one_seen(history, clock):
    history.record()
    for _ in range(3):
        next_interval(history, clock)
    first, second, third = history.events()
    assert history.events(after=first["id"]) == [second, third]
    assert history.events(after=third["id"]) == []
    assert history.events(after=10**30) == []


def test_history_reaches_ten_minutes_back(history, clock):
    for _ in range(300):
        next_interval(history, clock)
    events = history.events()
    assert len(events) == 600 / INTERVAL
    assert events[-1]["id"] - events[0]["id"] == 119


def test_interval_is_longer_where_nobody_recorded(history, counted, clock):
    history.record()
    request(counted, number=30)
    next_interval(history, clock, intervals=3)
    (event,) = history.events()
    assert (event["seconds"], event["requests_per_second"]) == (15.0, 2.0)


def test_several_workers_write_one_history(tmp_path, counted, clock):
    first, second = (
        TrafficHistory(counted, SnapshotRing(tmp_path / "traffic"), clock=clock) for _ in range(2)
    )
    first.record()
    request(counted, number=5)
    second.record()  # finds this interval written
    next_interval(second, clock)
    (event,) = first.events()
    assert event["requests"] == 5
    assert second.events() == [event]


def test_counts_that_begin_anew_are_no_interval(tmp_path, clock):
    before, after = instruments.private(), instruments.private()
    request(before, number=5)
    TrafficHistory(before, SnapshotRing(tmp_path / "traffic"), clock=clock).record()
    history = TrafficHistory(after, SnapshotRing(tmp_path / "traffic"), clock=clock)
    next_interval(history, clock)
    assert history.events() == []


def test_snapshot_that_another_worker_is_writing_is_passed_over(history, ring, clock):
    history.record()
    ring.write(int(clock.now // INTERVAL) - 1, b'{"tick": 19')
    next_interval(history, clock)
    assert len(history.events()) == 1


def test_ring_keeps_the_last_texts_by_number(ring):
    assert ring.read(7) == b""
    ring.write(7, b"seven")
    ring.write(7 + RING, b"later")
    assert ring.read(7) == ring.read(7 + RING) == b"later"
    with pytest.raises(ValueError, match="more than"):
        ring.write(1, b"x" * (SLOT + 1))


def test_app_has_one_history_which_leaves_out_who_asks_how_the_service_is(build_app):
    app = build_app()
    assert history_of(app) is history_of(app)
    quiet = quiet_routes(app)
    assert {"/metrics", "/api/health", "/api/traffic", "/", "/assets/<release>/<path:name>"} <= quiet
    assert not {"/api/predict", "/api/models", "/v2/models/<name>/infer"} & quiet


def test_snapshot_of_another_release_is_passed_over(history, ring, clock):
    now = int(clock.now // INTERVAL)
    for before, text in enumerate((b"[]", b"{}", b"7", b'{"tick": %d}' % (now - 4)), start=1):
        ring.write(now - before, text)
    history.record()
    next_interval(history, clock)
    assert len(history.events()) == 1


def test_ring_has_its_room_from_the_start(tmp_path):
    SnapshotRing(tmp_path / "traffic")  # with holes, a write would end the process once the disk is full
    assert (tmp_path / "traffic").stat().st_blocks * 512 >= RING * SLOT


def test_ring_follows_no_link_to_the_file_of_another(tmp_path):
    (tmp_path / "other").write_text("precious")
    (tmp_path / "traffic").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        SnapshotRing(tmp_path / "traffic")
    assert (tmp_path / "other").read_text() == "precious"


def test_a_worker_without_room_for_the_ring_has_one_of_its_own(tmp_path, caplog):
    ring = ring_at(tmp_path / "missing" / "traffic")
    ring.write(7, b"seven")
    assert ring.read(7) == b"seven"
    assert "share no history" in caplog.text
