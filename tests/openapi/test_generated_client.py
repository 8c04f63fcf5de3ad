"""A client that openapi-python-client generates from the document predicts, and gets typed answers."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.environments import python_of
from tests.dialects.models import missing_values
from tests.openapi.running import ENVIRONMENT, HEADER, KEY, PINS, serving, stored
from tests.services import PATIENCE

pytestmark = pytest.mark.server

SCRIPT = Path(__file__).with_name("scripts") / "generated_client.py"


@pytest.fixture(scope="module")
def brought():
    return missing_values()


@pytest.fixture(scope="module")
def rows(brought):
    return [dict(zip(brought.rows.names, cells, strict=True)) for cells in brought.rows.cells[:3]]


@pytest.fixture(scope="module")
def service(brought, tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    stored(brought, folder)
    with serving(folder) as running:
        yield running


@pytest.fixture(scope="module")
def found(service, brought, rows, tmp_path_factory):
    folder, python = tmp_path_factory.mktemp("generated"), python_of(ENVIRONMENT, PINS)
    document = folder / "openapi.json"
    document.write_bytes(service.get("/api/openapi.json", headers=HEADER).content)
    generate = [python.with_name("openapi-python-client"), "generate", "--path", document]
    generate += ["--output-path", folder / "model_client", "--meta", "none"]
    done = subprocess.run(generate, capture_output=True, text=True, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stdout
    given = {"base": service.address, "key": KEY, "rows": rows, "as_list": brought.rows.cells[3]}
    done = subprocess.run(
        [python, SCRIPT],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout)


def native(service, path, body):
    return service.post(path, json=body, headers=HEADER).json()


def test_row_is_predicted_as_by_a_plain_request(service, rows, found):
    assert found["one"]["type"] == "PredictAnswer"
    assert found["one"]["request_id"] == "of-the-client"
    assert found["one"]["result"] == native(service, "/api/predict", {"features": rows[0]})["result"]


def test_batch_of_objects_and_a_list_is_predicted_in_order(service, brought, rows, found):
    expected = native(service, "/api/predict/batch", {"samples": [*rows, brought.rows.cells[3]]})
    assert found["several"]["type"] == "BatchAnswer"
    assert found["several"]["results"] == expected["results"]


def test_answers_have_types(found):
    assert found["kinds"] == {
        "result": "Result",
        "prediction": "ResultPrediction",
        "confidence": "float",
        "samples": ["SampleResult"] * 4,
    }


def test_every_output_that_was_asked_for_is_answered(found):
    assert found["chosen"]["result"].keys() == {"prediction", "confidence", "probabilities"}


def test_errors_have_a_type_too(found):
    assert (found["wrong"]["type"], found["wrong"]["error_type"]) == ("ErrorAnswer", "validation_error")
    assert (found["refused"]["type"], found["refused"]["error_type"]) == (
        "ErrorAnswer",
        "authentication_error",
    )


def test_model_describes_itself(rows, found):
    assert found["info"]["type"] == "ModelAnswer"
    assert found["info"]["example"].keys() == rows[0].keys()
