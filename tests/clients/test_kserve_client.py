"""KServe's ``InferenceRESTClient``, unmodified, against the service."""

import pytest

from tests.clients import fitted_models
from tests.clients.comparison import assert_flowers, assert_people
from tests.clients.environments import run_client

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def found(service):
    return run_client(
        "kserve_client.py",
        base=service.address,
        rows=fitted_models.flower_rows().tolist(),
        people=fitted_models.people_tensors(),
        records=fitted_models.people_records(),
    )


def outputs_of(step):
    return {name: output["data"] for name, output in step["outputs"].items()}


def test_v1_server_and_model_are_ready(found):
    assert found["v1_live"] is True
    assert found["v1_model_ready"] is True


def test_v1_predicts_rows(found):
    assert_flowers(found["v1_rows"]["predictions"])


def test_v1_predicts_records_with_missing_numbers(found):
    assert_people(found["v1_records"]["predictions"])


def test_v2_server_and_model_are_ready(found):
    assert found["v2_health"] == [True, True, True]
    assert found["v2_unknown_model_is_ready"] is False


@pytest.mark.parametrize("step", ["v2_binary", "v2_json"])
def test_v2_predicts_a_matrix(found, step):
    assert_flowers(outputs_of(found[step])["predict"])
    assert (found[step]["id"], found[step]["model_name"]) == ("of-the-client", "default")


def test_v2_gives_the_outputs_asked_for(found):
    named = outputs_of(found["v2_named"])
    assert list(named) == ["predict_proba"]
    assert_flowers(probabilities=named["predict_proba"])


def test_v2_outputs_are_binary_unless_one_says_otherwise(found):
    mixed = outputs_of(found["v2_binary_outputs"])
    assert_flowers(mixed["predict"], mixed["predict_proba"])


def test_v2_predicts_columns_of_a_data_frame(found):
    named = outputs_of(found["v2_people"])
    assert_people(named["predict"], named["predict_proba"])


@pytest.mark.parametrize(
    ("step", "status"), [("v1_unknown_model", 404), ("v2_unknown_model", 404), ("v2_wrong_shape", 400)]
)
def test_error_is_one_that_the_client_can_read(found, step, status):
    assert found[step]["status"] == status
    assert not found[step]["message"].startswith(",")  # where the client finds no text of an error


def test_both_protocols_list_the_models(service):
    for path in ("/v1/models", "/v2/models"):
        answer = service.get(path)
        assert answer.status_code == 200
        assert {"default", "people"} <= set(answer.json()["models"])


def test_model_of_v1_is_described_for_kserve_and_for_tensorflow_serving(service):
    document = service.get("/v1/models/default").json()
    assert (document["name"], document["ready"]) == ("default", True)
    (status,) = document["model_version_status"]
    assert status["state"] == "AVAILABLE"
