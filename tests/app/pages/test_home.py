import pytest

from tests.app.middleware.auth.credentials import KEY
from tests.assertions import strict_json
from tests.estimators import SumClassifier, fitted

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/json, text/plain;q=0.5"])
def test_probe_is_json_for_kserve(client, accept):
    answer = client.get("/", headers={"Accept": accept} if accept else {})
    document = strict_json(answer)
    assert (answer.status_code, document["status"], document["health"]) == (200, "alive", "Healthy")


@pytest.mark.parametrize("accept", ["text/plain", "text/plain, */*;q=0.1"])
def test_probe_is_text_for_who_prefers_it(client, accept):
    answer = client.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "Healthy", "text/plain")


@pytest.mark.parametrize("accept", ["text/html", BROWSER])
def test_browser_gets_the_console_with_or_without_a_model(client, empty_app, accept):
    for each in (client, empty_app.test_client()):
        answer = each.get("/", headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (200, "text/html")


@pytest.mark.parametrize("accept", ["text/html", BROWSER])
def test_browser_gets_the_probe_where_there_is_no_console(serve, build_app, accept):
    served = serve(fitted(SumClassifier()), CONSOLE="false").get("/", headers={"Accept": accept})
    assert (served.status_code, served.text, served.mimetype) == (200, "Healthy", "text/plain")
    without = build_app(CONSOLE="false").test_client()
    assert without.get("/", headers={"Accept": accept}).status_code == 503


@pytest.mark.parametrize("dialects", ["native", "azure", "tfserving", "v2,mlflow"])
def test_probe_exists_whatever_is_spoken(serve, dialects):
    assert serve(fitted(SumClassifier()), DIALECTS=dialects).get("/").get_json()["status"] == "alive"


def test_index_names_the_routes_that_there_are(serve):
    routes = serve(fitted(SumClassifier())).get("/").get_json()["routes"]
    assert routes["predict"] == "/api/predict"
    assert routes["traffic"] == "/api/traffic"
    without = serve(fitted(SumClassifier()), DIALECTS="v2").get("/").get_json()["routes"]
    assert "predict" not in without
    assert without["health"] == "/api/health"


def test_index_has_the_prefix_of_the_service(client):
    routes = client.get("/", environ_overrides={"SCRIPT_NAME": "/ml"}).get_json()["routes"]
    assert routes["model"] == "/ml/api/model/info"


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
