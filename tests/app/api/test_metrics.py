from prometheus_client.parser import text_string_to_metric_families


def test_metrics_are_prometheus_text(client):
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.mimetype == "text/plain"
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    assert families["workers"].samples[0].value == 1
    assert families["worker_restarts"].samples[0].value == 0
    assert families["uptime_seconds"].samples[0].value > 0
