import pytest

from tests.estimators import SumClassifier, fitted

pytestmark = pytest.mark.usefixtures("both_dispatches")


def test_health_names_the_version_that_serves(serve):
    response = serve(fitted(SumClassifier()), version="v1").get("/api/health")
    answer = response.get_json()
    assert response.status_code == 200
    assert set(answer) == {"status", "model_loaded", "model_version", "timestamp"}
    assert (answer["status"], answer["model_loaded"], answer["model_version"]) == ("healthy", True, "v1")


def test_without_a_model_health_is_503(empty_app):
    response = empty_app.test_client().get("/api/health")
    answer = response.get_json()
    assert response.status_code == 503
    assert (answer["status"], answer["model_loaded"], answer["model_version"]) == ("unhealthy", False, None)


@pytest.mark.parametrize("path", ["/api/health/live", "/api/health/ready"])
def test_with_a_model_every_probe_is_200(client, path):
    assert client.get(path).status_code == 200


def test_without_a_model_the_process_lives_but_is_not_ready(empty_app):
    client = empty_app.test_client()
    assert client.get("/api/health/live").status_code == 200
    assert client.get("/api/health/ready").status_code == 503
