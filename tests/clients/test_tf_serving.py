"""TensorFlow Serving's REST API as its documentation calls it:
https://www.tensorflow.org/tfx/serving/api_rest
"""

import json

import numpy as np
import pytest

from tests.clients import fitted_models
from tests.clients.comparison import assert_flowers, assert_people

pytestmark = pytest.mark.server

MODEL = "/v1/models/default"
PATHS = [MODEL, f"{MODEL}/versions/{fitted_models.VERSION}"]


def examples():
    """Rows as the feature dictionaries that classify and regress take."""
    return [dict(zip(fitted_models.NAMES, row, strict=True)) for row in fitted_models.flower_rows().tolist()]


@pytest.mark.parametrize("path", PATHS)
def test_rows_are_predicted(service, path):
    rows = fitted_models.flower_rows().tolist()
    answer = service.post(f"{path}:predict", json={"instances": rows})
    assert set(answer.json()) == {"predictions"}
    assert_flowers(answer.json()["predictions"])


def test_curl_sends_rows_as_a_form(service):
    """``curl -d`` without a header, as in all examples of the documentation."""
    body = json.dumps(
        {"signature_name": "serving_default", "instances": fitted_models.flower_rows().tolist()}
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = service.post(f"{MODEL}:predict", data=body, headers=form)
    assert_flowers(answer.json()["predictions"])


def test_columns_are_predicted(service):
    columns = dict(zip(fitted_models.NAMES, fitted_models.flower_rows().T.tolist(), strict=True))
    for inputs in (columns, fitted_models.flower_rows().tolist()):
        answer = service.post(f"{MODEL}:predict", json={"inputs": inputs})
        assert set(answer.json()) == {"outputs"}
        assert_flowers(answer.json()["outputs"])


def test_instances_of_named_tensors_are_predicted(service):
    records = fitted_models.people_records()
    answer = service.post("/v1/models/people:predict", json={"instances": records})
    assert_people(answer.json()["predictions"])


def test_rows_and_columns_at_once_are_the_callers_fault(service):
    rows = fitted_models.flower_rows().tolist()
    answer = service.post(f"{MODEL}:predict", json={"instances": rows, "inputs": rows})
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_classify_answers_with_labels_and_scores(service):
    answer = service.post(f"{MODEL}:classify", json={"examples": examples()})
    # The server's key; its documentation writes "result":
    # https://github.com/tensorflow/serving/blob/master/tensorflow_serving/util/json_tensor_test.cc
    scores = [dict(row) for row in answer.json()["results"]]
    probabilities = [[row[name] for name in ("0", "1", "2")] for row in scores]
    assert_flowers(np.argmax(probabilities, axis=1), probabilities)


def test_regress_answers_with_numbers(service):
    rows = fitted_models.flower_rows()[:, :3]
    examples = [dict(zip(fitted_models.NAMES, row, strict=False)) for row in rows.tolist()]
    answer = service.post("/v1/models/widths:regress", json={"examples": examples})
    expected = fitted_models.width_model().predict(fitted_models.width_frame(rows))
    assert answer.json()["results"] == pytest.approx(expected.tolist())


def test_regress_of_a_classifier_is_the_callers_fault(service):
    answer = service.post(f"{MODEL}:regress", json={"examples": examples()})
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize("path", PATHS)
def test_status_lists_the_versions(service, path):
    (status,) = service.get(path).json()["model_version_status"]
    assert (status["version"], status["state"]) == (fitted_models.VERSION, "AVAILABLE")
    assert status["status"] == {"error_code": "OK", "error_message": ""}


@pytest.mark.parametrize("path", PATHS)
def test_metadata_describes_the_signature(service, path):
    document = service.get(f"{path}/metadata").json()
    assert document["model_spec"]["name"] == "default"
    assert document["model_spec"]["version"] == fitted_models.VERSION
    signature = document["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert {"inputs", "outputs", "method_name"} <= set(signature)


@pytest.mark.parametrize("path", ["/v1/models/no-such-model", "/v1/models/default/versions/no-such"])
def test_unknown_model_or_version_is_not_found(service, path):
    rows = fitted_models.flower_rows().tolist()
    for answer in (service.post(f"{path}:predict", json={"instances": rows}), service.get(path)):
        assert answer.status_code == 404
        assert isinstance(answer.json()["error"], str)
