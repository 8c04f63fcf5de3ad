"""Vertex AI's custom containers: port and routes come from the environment."""

import pytest

from tests.clients import fitted_models
from tests.clients.comparison import assert_flowers, assert_people
from tests.services import free_port, gunicorn

pytestmark = pytest.mark.server

HEALTH, PREDICT = "/is/healthy", "/v1/endpoints/1/deployedModels/2:predict"
# As in the image, whose own port is set.
IMAGE = ("env", "PORT=8080")


def vertex(folder, store):
    port = free_port()
    variables = {"AIP_HTTP_PORT": port, "AIP_HEALTH_ROUTE": HEALTH, "AIP_PREDICT_ROUTE": PREDICT}
    return gunicorn(folder, prefix=IMAGE, PORT=port, MODELS_DIR=store, WORKERS=1, **variables)


@pytest.fixture(scope="module")
def service(published, tmp_path_factory):
    with vertex(tmp_path_factory.mktemp("vertex"), published) as running:
        yield running


def test_health_route_is_the_one_of_the_environment(service):
    assert service.get(HEALTH).status_code == 200


def test_predict_route_is_the_one_of_the_environment(service):
    answer = service.post(PREDICT, json={"instances": fitted_models.flower_rows().tolist()})
    assert answer.status_code == 200
    assert_flowers(answer.json()["predictions"])


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/json;charset=UTF-8"])
def test_parameters_of_request_and_content_type_are_tolerated(service, kind):
    document = {"instances": fitted_models.flower_rows().tolist(), "parameters": {"confidence": 0.5}}
    answer = service.post(PREDICT, json=document, headers={"Content-Type": kind})
    assert_flowers(answer.json()["predictions"])


def test_error_is_a_document(service):
    answer = service.post(PREDICT, json={"instances": [[1, 2]]})
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_instances_may_be_records(published, tmp_path):
    with vertex(tmp_path, published / "people") as service:
        answer = service.post(PREDICT, json={"instances": fitted_models.people_records()})
        assert_people(answer.json()["predictions"])
