"""What SageMaker asks of a container: the entry point, probes, batches of CSV, and an end in order."""

import http.client
import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from tests.clients import fitted_models
from tests.clients.comparison import assert_flowers
from tests.services import PATIENCE, gunicorn
from tests.settings import ROOT

pytestmark = pytest.mark.server

BATCH = 75_000  # rows that fill the 6 MB of a payload in full precision
CSV = {"Content-Type": "text/csv", "Accept": "text/csv"}


def csv_of(rows) -> bytes:
    """Lines without a header, in full precision."""
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


@pytest.fixture(scope="module")
def batch() -> bytes:
    body = csv_of(fitted_models.flower_rows(BATCH))
    assert 5_000_000 < len(body) < 6 * 1024 * 1024
    return body


@pytest.fixture(scope="module")
def container(own_store):
    """The service as ``docker run IMAGE serve`` starts it."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    serve = ("sh", str(ROOT / "deploy" / "entrypoint.sh"), "serve")
    with gunicorn(own_store.parent, command=serve, MODELS_DIR=own_store, WORKERS=2, PATH=programs) as running:
        yield running


def test_ping_answers_without_content_within_two_seconds(container):
    asked = monotonic()
    answer = container.get("/ping")
    assert monotonic() - asked < 2
    assert (answer.status_code, answer.text.strip()) == (200, "")


def test_execution_parameters_name_the_size_of_a_batch(container):
    parameters = container.get("/execution-parameters").json()
    assert set(parameters) == {"MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"}
    assert (parameters["BatchStrategy"], parameters["MaxPayloadInMB"]) == ("MULTI_RECORD", 6)
    assert parameters["MaxConcurrentTransforms"] >= 1


def test_batch_transform_fills_its_payload_with_lines_of_csv(container, batch):
    answer = container.post("/invocations", data=batch, headers=CSV)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert len(lines) == BATCH  # a line for each record, which batch transform joins to its input
    assert_flowers([int(float(line.split(",")[0])) for line in lines], count=BATCH)


def test_one_line_without_a_line_feed_is_a_row(container):
    answer = container.post("/invocations", data=b"5.1,3.5,1.4,0.2", headers=CSV)
    assert answer.text.splitlines()[0].split(",")[0] in {"0", "0.0"}


@pytest.mark.parametrize("target", ["X-Amzn-SageMaker-Target-Variant", "X-Amzn-SageMaker-Custom-Attributes"])
def test_headers_of_the_endpoint_are_no_hindrance(container, target):
    body = csv_of(fitted_models.flower_rows())
    answer = container.post("/invocations", data=body, headers=CSV | {target: "AllTraffic"})
    assert_flowers([int(float(line.split(",")[0])) for line in answer.text.splitlines()])


def test_npy_of_the_scikit_learn_image_is_read(container, tmp_path):
    np.save(tmp_path / "rows.npy", fitted_models.flower_rows())
    kind = {"Content-Type": "application/x-npy", "Accept": "application/json"}
    answer = container.post("/invocations", data=(tmp_path / "rows.npy").read_bytes(), headers=kind)
    # A list alone, as that image encodes it:
    # https://github.com/aws/sagemaker-containers/blob/master/src/sagemaker_containers/_encoders.py
    assert_flowers(answer.json())


def test_lines_with_too_few_columns_are_the_callers_fault(container):
    assert container.post("/invocations", data=b"1,2\n3,4\n", headers=CSV).status_code == 400


def test_request_is_answered_though_sigterm_arrives_meanwhile(published, tmp_path, batch):
    with gunicorn(tmp_path, MODELS_DIR=published, WORKERS=1, DRAIN_SECONDS=0) as service:
        with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)) as connection:
            connection.request("POST", "/invocations", batch, CSV)
            service.process.send_signal(signal.SIGTERM)
            answer = connection.getresponse()
            assert (answer.status, len(answer.read().splitlines())) == (200, BATCH)
        assert service.process.wait(30) == 0  # when SageMaker would kill it
