"""``GET /api/openapi.json``: of which version, for whom, and how often it is sent."""

import json

import pytest

from app.models.ml_models import model_manager
from app.pages.openapi import document_cache
from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import assert_error
from tests.estimators import LabelClassifier, SumClassifier, SumRegressor, fitted

PATH = "/api/openapi.json"


def result_of(response):
    assert response.status_code == 200
    return response.get_json()["components"]["schemas"]["Result"]["properties"]


def test_document_is_that_of_the_active_version(client):
    response = client.get(PATH)
    assert response.mimetype == "application/json"
    assert response.get_json()["info"]["version"] == model_manager_of(client).model.version
    assert result_of(response)["prediction"]["enum"] == [0, 1]


def model_manager_of(client, name="default"):
    with client.application.app_context():
        return model_manager.registry[name]


def test_document_is_sent_once(client):
    first = client.get(PATH)
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    again = client.get(PATH, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert client.get(PATH, headers={"If-None-Match": '"other"'}).status_code == 200
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert first.headers["X-Content-Type-Options"] == "nosniff"


def test_another_version_has_another_document_and_tag(serve, models_dir):
    client = serve(fitted(SumClassifier()))
    tag = client.get(PATH).headers["ETag"]
    serve(fitted(SumRegressor()))  # into the same store
    served_model = model_manager_of(client)
    newest = next(each for each in served_model.store.versions() if each != served_model.model.version)
    with client.application.app_context():
        served_model.load(newest)
    response = client.get(PATH)
    assert response.headers["ETag"] != tag
    assert result_of(response)["prediction"] == {"type": "number"}


def test_document_of_a_challenger_is_asked_for_by_its_version(serve):
    client = serve(fitted(SumClassifier()))
    serve(fitted(LabelClassifier()))
    served_model = model_manager_of(client)
    active = served_model.model.version
    challenger = next(each for each in served_model.store.versions() if each != active)
    with client.application.app_context():
        served_model.store.activate(active)
    assert_error(client.get(PATH, query_string={"version": challenger}), 404, "not_found")
    split = {"mode": "canary", "challenger": challenger, "percent": 10}
    assert client.post("/api/models/routing", json=split).status_code == 200
    response = client.get(PATH, query_string={"version": challenger})
    assert response.get_json()["info"]["version"] == challenger
    assert result_of(response)["prediction"]["enum"] == ["large", "small"]
    assert result_of(client.get(PATH))["prediction"]["enum"] == [0, 1]


def test_document_of_another_model_is_asked_for_by_its_name(serve, models_dir, serve_model):
    client = serve(fitted(SumClassifier()))
    serve_model(models_dir / "prices", fitted(SumRegressor()), sample=None)
    with client.application.app_context():
        model_manager.registry["prices"].load()
    response = client.get(PATH, query_string={"model": "prices"})
    assert result_of(response)["prediction"] == {"type": "number"}
    (name,) = response.get_json()["paths"]["/api/models/{name}/predict"]["post"]["parameters"][:1]
    assert name["schema"] == {"enum": ["prices"]}
    body = response.get_json()["paths"]["/api/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert body == {"schema": {}}  # of the default model, which has a document of its own
    assert_error(client.get(PATH, query_string={"model": "none"}), 404, "not_found")


@pytest.fixture
def built(monkeypatch):
    """The models and versions of which a document was built."""
    found = []

    def watched(app, name, model):
        found.append((name, model and model.version))
        return build(app, name, model)

    build = document_cache._built
    monkeypatch.setattr(document_cache, "_built", watched)
    return found


def test_documents_are_built_when_their_versions_are_loaded(serve, serve_model, models_dir, built):
    client = serve(fitted(SumClassifier()))
    serve_model(models_dir / "prices", fitted(SumRegressor()), sample=None)
    documents, registry = client.application.extensions["openapi"], model_manager_registry(client)
    active = registry.default.model.version
    registry["prices"].load()
    documents.build_missing(registry)
    prices = ("prices", registry["prices"].model.version)
    assert built == [("default", active), prices]
    for query in ({}, {"model": "prices"}):
        assert client.get(PATH, query_string=query).status_code == 200
    documents.build_missing(registry)
    assert len(built) == 2
    registry.default.load(active)  # anew
    documents.build_missing(registry)
    assert built == [("default", active), prices, ("default", active)]


def model_manager_registry(client):
    return client.application.extensions["model_registry"]


def test_a_document_that_cannot_be_built_is_logged_once_and_the_others_are_built(
    serve, serve_model, models_dir, monkeypatch, logged, built
):
    client = serve(fitted(SumClassifier()))
    serve_model(models_dir / "prices", fitted(SumRegressor()), sample=None)
    documents, registry = client.application.extensions["openapi"], model_manager_registry(client)
    registry["prices"].load()
    build = document_cache._built

    def failing(app, name, model):
        if name == "default":
            raise ValueError("a fault")
        return build(app, name, model)

    monkeypatch.setattr(document_cache, "_built", failing)
    for _ in range(2):
        documents.build_missing(registry)
    assert [line["model"] for line in logged() if line["event"] == "no OpenAPI document"] == ["default"]
    assert [name for name, _ in built] == ["prices"]


def test_without_a_model_rows_are_those_of_any(empty_app):
    response = empty_app.test_client().get(PATH)
    assert response.status_code == 200
    assert "prediction" in result_of(response)


def test_document_needs_the_scope_of_predictions(build_app):
    client = build_app(API_KEY_1=KEY).test_client()
    assert_error(client.get(PATH), 401, "authentication_error")
    assert client.get(PATH, headers=with_key(KEY)).status_code == 200


def test_document_is_there_without_the_pages(build_app):
    client = build_app(CONSOLE="false").test_client()
    paths = json.loads(client.get(PATH).data)["paths"]
    assert PATH in paths
    assert "/docs" not in paths


@pytest.mark.parametrize(("prefix", "server"), [("", "/"), ("/ml", "/ml")])
def test_addresses_are_below_the_prefix(build_app, prefix, server):
    found = build_app(SCRIPT_NAME=prefix).test_client().get(PATH).get_json()
    assert found["servers"] == [{"url": server}]
