FIELDS = {
    "total_requests",
    "error_count",
    "error_rate",
    "avg_response_time",
    "p95_response_time",
    "p99_response_time",
    "cache_hits",
    "cache_misses",
    "uptime",
    "workers",
    "requests_per_second",
}


def test_stats_of_nothing_are_zeros(client):
    stats = client.get("/api/stats").json
    assert set(stats) == FIELDS
    assert (stats["total_requests"], stats["error_rate"], stats["p99_response_time"]) == (0, 0.0, 0.0)


def test_stats_sum_up_what_happened(client):
    for _ in range(3):
        client.post("/api/predict", json={"features": [1, 2, 3]})
    client.post("/api/predict", json={"features": "none"})
    stats = client.get("/api/stats").json
    assert (stats["total_requests"], stats["error_count"], stats["error_rate"]) == (4, 1, 0.25)
    assert 0 < stats["avg_response_time"] < 1
    assert 0 < stats["p95_response_time"] <= stats["p99_response_time"]
    assert stats["requests_per_second"] > 0
    assert (stats["workers"], stats["cache_hits"], stats["cache_misses"]) == (1, 0, 0)
