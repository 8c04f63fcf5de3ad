"""NVIDIA's ``tritonclient.http``, unmodified, against the service."""

import pytest

from tests.clients import fitted_models
from tests.clients.comparison import assert_flowers, assert_people
from tests.clients.environments import run_client

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def found(service):
    return run_client(
        "triton_client.py",
        address=f"127.0.0.1:{service.port}",
        rows=fitted_models.flower_rows().tolist(),
        people=fitted_models.people_tensors(),
        version=fitted_models.VERSION,
    )


def assert_outputs(step, check=assert_flowers, *, binary):
    """Labels and probabilities are right, and came as the client asked for them: ``binary`` by output."""
    outputs = step["outputs"]
    assert {name: output["binary"] for name, output in outputs.items()} == binary
    found = [outputs.get(name, {}).get("data") for name in ("predict", "predict_proba")]
    check(*found)


def test_server_and_models_are_ready(found):
    assert found["health"] == [True, True, True]
    assert found["health_of_versions"] == [True, False]


def test_server_announces_what_it_does_beyond_the_protocol(found):
    assert {"name", "version", "extensions"} <= set(found["server_metadata"])
    assert "binary_tensor_data" in found["server_metadata"]["extensions"]


@pytest.mark.parametrize("step", ["model_metadata", "version_metadata"])
def test_metadata_tells_versions_and_tensors(found, step):
    metadata = found[step]
    assert (metadata["name"], metadata["versions"]) == ("default", [fitted_models.VERSION])
    assert isinstance(metadata["platform"], str)
    outputs = {tensor["name"]: (tensor["datatype"], tensor["shape"]) for tensor in metadata["outputs"]}
    assert outputs["predict"][0] == "INT64"
    assert outputs["predict_proba"] == ("FP64", [-1, 3])
    assert all(set(tensor) >= {"name", "datatype", "shape"} for tensor in metadata["inputs"])


def test_metadata_has_a_tensor_for_each_column_of_a_data_frame(found):
    inputs = {tensor["name"]: tensor["datatype"] for tensor in found["people_metadata"]["inputs"]}
    assert inputs == fitted_models.DATATYPES


def test_outputs_that_are_not_named_come_in_the_form_the_client_asks_for(found):
    for step in ("json_unnamed", "binary_unnamed"):  # the client asks for binary outputs in both
        outputs = found[step]["outputs"]
        assert all(output["binary"] for output in outputs.values())
        assert_flowers(outputs["predict"]["data"])
        assert outputs["predict"]["datatype"] == "INT64"


def test_named_outputs_come_as_json(found):
    assert_outputs(found["json_named"], binary={"predict": False, "predict_proba": False})
    assert_outputs(found["binary_in_json_out"], binary={"predict_proba": False})


def test_named_outputs_come_in_binary_and_in_the_order_asked_for(found):
    assert_outputs(found["binary_named"], binary={"predict": True, "predict_proba": True})
    assert list(found["binary_named"]["outputs"]) == ["predict_proba", "predict"]
    assert found["binary_named"]["outputs"]["predict_proba"]["shape"] == [15, 3]


def test_each_output_comes_in_its_own_form(found):
    assert_outputs(found["one_output_of_each_kind"], binary={"predict": False, "predict_proba": True})


def test_rows_of_single_precision_are_rows(found):
    assert_outputs(found["single_precision"], binary={"predict_proba": True})


def test_version_of_the_path_answers(found):
    assert_outputs(found["of_version"], binary={"predict_proba": True})
    assert found["of_version"]["model_version"] == fitted_models.VERSION


@pytest.mark.parametrize("step", ["gzip", "deflate"])
def test_compressed_bodies_are_read(found, step):
    assert_outputs(found[step], binary={"predict_proba": True})


@pytest.mark.parametrize("step", ["people_binary", "people_json"])
def test_columns_of_a_data_frame_with_texts_and_missing_numbers(found, step):
    as_asked = step == "people_binary"
    assert_outputs(found[step], assert_people, binary={"predict": as_asked, "predict_proba": as_asked})
    assert found[step]["outputs"]["predict"]["datatype"] == "BYTES"


def test_id_of_the_request_comes_back(found):
    assert found["binary_unnamed"]["id"] == "of-the-client"
    assert found["binary_unnamed"]["model_name"] == "default"
    assert found["at_once"] == [str(number) for number in range(8)]


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ("unknown_model", "404"),
        ("unknown_version", "404"),
        ("unknown_output", "400"),
        ("too_few_columns", "400"),
    ],
)
def test_error_is_one_that_the_client_can_read(found, step, status):
    assert found[step]["status"] == status
    assert "exception occurred in the client" not in found[step]["message"]


@pytest.mark.parametrize("step", ["statistics", "statistics_of_all"])
def test_statistics_count_requests_and_rows(found, step):
    counted = {model["name"]: model for model in found[step]["model_stats"]}["default"]
    assert counted["version"] == fitted_models.VERSION
    assert counted["inference_stats"]["success"]["count"] >= 10
    assert counted["inference_count"] >= 150
    assert counted["execution_count"] <= counted["inference_count"]


def test_repository_lists_models_and_their_state(found):
    states = {(entry["name"], entry["state"]) for entry in found["repository"]}
    assert states >= {("default", "READY"), ("people", "READY")}


def test_model_that_serves_is_not_unloaded_and_goes_on_serving(found):
    """Triton would leave its clients without a model; here another version has to be loaded in its place."""
    assert found["unloaded"]["status"] == "409"
    assert "serves its active version until another one does" in found["unloaded"]["message"]
    assert_people(found["still_served"]["outputs"]["predict"]["data"])


def test_model_that_is_loaded_already_is_loaded(found):
    assert found["loaded"] is True
