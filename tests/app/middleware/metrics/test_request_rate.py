from app.middleware.metrics.request_rate import RecentRequests, per_second


def test_the_last_minute_counts_and_nothing_older():
    now = [1000.0]
    ring = RecentRequests(clock=lambda: now[0])
    for _ in range(30):
        ring.count()
    assert per_second([ring.ring[:]], now=1059, started=0) == 0.5
    assert per_second([ring.ring[:]], now=1060, started=0) == 0
    now[0] = 1064.0  # the same place in the ring
    ring.count()
    assert per_second([ring.ring[:]], now=1064, started=0) == 1 / 60


def test_a_young_service_divides_by_its_age():
    ring = RecentRequests(clock=lambda: 1000.0)
    for _ in range(30):
        ring.count()
    assert per_second([ring.ring[:], ring.ring[:]], now=1000.0, started=990.0) == 6
    assert per_second([ring.ring[:]], now=1000.0, started=1000.0) == 30
