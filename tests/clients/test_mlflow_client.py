"""MLflow's scoring client, unmodified, what Spark sends through it, and its other content types."""

import io

import pytest

from tests.clients import fitted_models
from tests.clients.comparison import assert_flowers, assert_people
from tests.clients.environments import run_client

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def found(service, people_service):
    return run_client(
        "mlflow_client.py",
        port=service.port,
        people_port=people_service.port,
        names=fitted_models.NAMES,
        rows=fitted_models.flower_rows().tolist(),
        many=fitted_models.flower_rows(fitted_models.MANY).tolist(),
        people=fitted_models.asked_people().to_dict(orient="list"),
        records=fitted_models.people_records(),
    )


def test_server_becomes_ready(found):
    assert found["became_ready"] is True
    assert found["version"].strip("{}\"'\n") == found["version"] != ""  # bare text, no JSON


@pytest.mark.parametrize("step", ["frame", "array", "instances"])
def test_rows_of_numbers(found, step):
    assert_flowers(found[step]["predictions"])


@pytest.mark.parametrize("step", ["frame_with_categories", "frame_with_params", "records", "other_order"])
def test_rows_with_categories_and_missing_numbers(found, step):
    assert_people(found[step]["predictions"])


@pytest.mark.parametrize("step", ["spark_batch", "spark_batch_without_names"])
def test_batch_of_spark(found, step):
    assert_flowers(found[step], count=fitted_models.MANY)


def test_error_is_the_one_of_mlflow(found):
    assert "error code 400" in found["no_known_format"]["raised"]
    assert '"error_code"' in found["no_known_format"]["raised"]
    assert '"message"' in found["no_known_format"]["raised"]


@pytest.mark.parametrize("path", ["/ping", "/health"])
def test_probes_answer_without_content(service, path):
    answer = service.get(path)
    assert (answer.status_code, answer.text.strip()) == (200, "")


@pytest.mark.parametrize("parameters", ["", "; charset=utf-8", "; charset=UTF-8"])
def test_csv_with_a_header_is_answered_with_json(people_service, parameters):
    body = fitted_models.asked_people().to_csv(index=False).encode()
    answer = people_service.post("/invocations", data=body, headers={"Content-Type": f"text/csv{parameters}"})
    assert answer.headers["Content-Type"].startswith("application/json")
    assert_people(answer.json()["predictions"])


@pytest.mark.parametrize("kind", ["application/vnd.apache.parquet", "application/x-parquet"])
def test_parquet_is_answered_with_json(people_service, kind):
    body = io.BytesIO()
    fitted_models.asked_people().to_parquet(body)
    answer = people_service.post("/invocations", data=body.getvalue(), headers={"Content-Type": kind})
    assert_people(answer.json()["predictions"])
