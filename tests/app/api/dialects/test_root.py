import pytest

from tests.app.middleware.auth.credentials import KEY
from tests.assertions import strict_json
from tests.estimators import SumClassifier, fitted

ALIVE = {"status": "alive", "health": "Healthy"}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/json, text/plain;q=0.5"])
def test_probe_is_json_for_kserve(client, accept):
    answer = client.get("/", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, strict_json(answer)) == (200, ALIVE)


@pytest.mark.parametrize("accept", ["text/plain", "text/plain, */*;q=0.1", "text/html", BROWSER])
def test_probe_is_text_for_who_prefers_it(client, accept):
    answer = client.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "Healthy", "text/plain")


@pytest.mark.parametrize("dialects", ["azure", "tfserving", "azure,tfserving"])
def test_either_dialect_has_it(serve, dialects):
    assert strict_json(serve(fitted(SumClassifier()), DIALECTS=dialects).get("/")) == ALIVE


def test_without_both_there_is_none(serve):
    assert serve(fitted(SumClassifier()), DIALECTS="native,v2,mlflow").get("/").status_code == 404


def test_probe_is_open_and_not_counted(serve):
    client = serve(fitted(SumClassifier()), API_KEY_1=KEY, RATE_LIMIT="1/hour", WORKERS=1)
    assert [client.get("/").status_code for _ in range(3)] == [200] * 3


def test_probe_fails_without_a_model(empty_app):
    answer = empty_app.test_client().get("/")
    assert (answer.status_code, strict_json(answer)["health"]) == (503, "Unhealthy")


def test_probe_fails_while_the_server_drains(client, monkeypatch):
    monkeypatch.setattr("app.middleware.draining._flag", [1])
    assert client.get("/").status_code == 503
    assert client.get("/", headers={"Accept": "text/plain"}).text == "Unhealthy"
