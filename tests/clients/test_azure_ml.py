"""Azure Machine Learning's inference server: the bodies that its clients send, and what it probes."""

import pytest

from tests.clients import fitted_models
from tests.clients.comparison import assert_flowers, assert_people

pytestmark = pytest.mark.server


def labels_of(answer):
    """The list of an answer, which is what the scoring script returns: the list itself, or a document."""
    assert answer.status_code == 200, answer.text
    document = answer.json()
    if isinstance(document, dict):
        (document,) = (value for value in document.values() if isinstance(value, list))
    return document


def split_body(frame):
    """The body that Azure documents for MLflow models: ``DataFrame.to_dict("split")``, missing ones null."""
    cells = frame.astype(object)
    return {"input_data": cells.where(cells.notna(), None).to_dict(orient="split")}


def test_root_and_description_answer(service):
    assert service.get("/").status_code == 200
    for version, member in ((2, "swagger"), (3, "openapi")):
        document = service.get(f"/swagger.json?version={version}").json()
        assert document[member].startswith(str(version))
        assert "/score" in document["paths"]


def test_data_of_a_scoring_script(service):
    body = {"data": fitted_models.flower_rows().tolist()}
    assert_flowers(labels_of(service.post("/score", json=body)))


def test_input_data_with_columns_index_and_data(people_service):
    assert_people(labels_of(people_service.post("/score", json=split_body(fitted_models.asked_people()))))


def test_input_data_as_a_list(service):
    body = {"input_data": fitted_models.flower_rows().tolist()}
    assert_flowers(labels_of(service.post("/score", json=body)))


def test_ids_of_the_request_come_back(service):
    ids = {"x-ms-client-request-id": "of-the-client", "x-ms-request-id": "of-the-request"}
    body = {"data": fitted_models.flower_rows().tolist()}
    answer = service.post("/score", json=body, headers=ids)
    assert {name: answer.headers.get(name) for name in ids} == ids


def test_wrong_rows_are_the_callers_fault(service):
    assert service.post("/score", json={"data": [[1, 2]]}).status_code == 400
