"""The client and the service as it runs in production, with keys and limits."""

import os
import secrets
import signal

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from model_service_client import AuthenticationError, NotFound, RateLimited
from tests.estimators import BOXES
from tests.services import PATIENCE, free_port, gunicorn

pytestmark = pytest.mark.server

KEY = secrets.token_hex(24)


@pytest.fixture(scope="module")
def service(boxes_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with gunicorn(
        folder, MODELS_DIR=boxes_dir, WORKERS=2, API_KEY_1=KEY, RATE_LIMIT="1000/minute"
    ) as running:
        yield running


def test_rows_batches_and_frames_have_the_same_answers(service, connect):
    remote = connect(service.address, api_key=KEY)
    remote.wait_until_ready()
    boxes = pd.concat([BOXES] * 40, ignore_index=True)
    frame = remote.predict(boxes)
    assert frame["prediction"].tolist() == [0, 1] * 400
    rows = remote.predict_batch(boxes.to_numpy())
    assert [row.probabilities["class_1"] for row in rows] == frame["probability_1"].tolist()
    assert remote.predict(BOXES.iloc[1]).probabilities == rows[1].probabilities
    assert np.allclose(frame["probability_0"] + frame["probability_1"], 1)


def test_explanation_adds_up_to_the_margin(service, connect):
    explanation = connect(service.address, api_key=KEY).explain(
        {"height": 9, "width": 9, "depth": 9}, columns=2
    )
    assert (explanation.method, explanation.scale, explanation.label) == ("linear", "log_odds", 1)
    assert explanation.prediction.prediction == 1
    first, second = explanation.contributions
    assert {first.name, second.name} < set(BOXES.columns)
    assert abs(first.contribution) >= abs(second.contribution) > 0
    added = first.contribution + second.contribution + explanation.others
    assert explanation.base_value + added == pytest.approx(explanation.margin)
    assert expit(explanation.margin) == pytest.approx(explanation.prediction.confidence)


@pytest.mark.parametrize("options", [{}, {"api_key": "wrong"}, {"token": "wrong"}])
def test_wrong_key_is_refused_once(service, connect, options):
    with pytest.raises(AuthenticationError) as raised:
        connect(service.address, **options).predict([1, 2, 3])
    assert raised.value.details["reason"] in {"missing", "invalid"}
    assert raised.value.request_id


def test_unknown_model_is_not_found(service, connect):
    with pytest.raises(NotFound, match="no model 'other'"):
        connect(service.address, api_key=KEY, model="other").predict([1, 2, 3])


def test_used_up_limit_says_when_to_come_back(boxes_dir, tmp_path, connect):
    with gunicorn(tmp_path, MODELS_DIR=boxes_dir, WORKERS=1, RATE_LIMIT="3/hour") as limited:
        remote = connect(limited.address)
        for _ in range(3):
            remote.predict([1, 2, 3])
        with pytest.raises(RateLimited) as raised:
            remote.predict([1, 2, 3])
    assert 0 < raised.value.retry_after <= 3600
    assert raised.value.details["limit"] == 3


def test_kept_connections_outlive_a_restart(boxes_dir, tmp_path, connect):
    options = {"MODELS_DIR": boxes_dir, "WORKERS": 1, "PORT": free_port()}
    with gunicorn(tmp_path, **options) as before:
        remote = connect(before.address, retries=0)
        first = remote.predict([9, 9, 9]).prediction
        os.killpg(before.process.pid, signal.SIGKILL)
        before.process.wait(PATIENCE)
        with gunicorn(tmp_path, **options):
            assert remote.predict([9, 9, 9]).prediction == first == 1
