"""Requests to the peers, and the comparison of their answers with scikit-learn's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import bodies, scenarios
from benchmarks.models import Model
from benchmarks.peers import PEERS
from benchmarks.peers.dialects import KSERVE
from benchmarks.scenarios import Requests, agrees

EXPECTED = np.array([[0.2, 0.8], [0.7, 0.3]])


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """Three rows of two features: 0 1, 2 3, 4 5."""
    np.save(tmp_path / "rows.npy", np.arange(6.0).reshape(3, 2))
    return Model("rf100", tmp_path)


def test_rows_repeat_when_more_are_asked_for(model: Model) -> None:
    assert scenarios.batch(model, 4, offset=2).tolist() == [[4, 5], [0, 1], [2, 3], [4, 5]]


def test_single_rows_go_out_in_different_bodies(model: Model) -> None:
    sent = scenarios.requests(PEERS["plain_flask"], model, 1)
    assert sent.path == "/api/predict"
    assert [json.loads(body)["features"] for body in sent.bodies[:2]] == [[0, 1], [2, 3]]


def test_tensors_of_the_open_inference_protocol_are_flat(model: Model) -> None:
    sent = scenarios.requests(PEERS["mlserver"], model, 2)
    (tensor,) = json.loads(sent.bodies[0])["inputs"]
    assert (tensor["shape"], tensor["data"]) == ([2, 2], [0, 1, 2, 3])


def test_requests_are_written_for_a_load_generator(tmp_path: Path) -> None:
    file = Requests("/", (b"1", b"2\n")).write(tmp_path / "sub" / "bodies")
    assert bodies.read(file) == [b"1", b"2\n"]


@pytest.mark.parametrize(
    "answer",
    [
        {"predictions": [1, 0], "probabilities": [[0.2, 0.8], [0.7, 0.3]]},
        {"outputs": [{"shape": [2, 2], "data": [0.2, 0.8, 0.7, 0.3]}]},
        {"results": [{"probabilities": {"class_0": p, "class_1": 1 - p}} for p in (0.2, 0.7)]},
        {"predictions": [[0.2000001, 0.7999999], [0.7, 0.3]]},
    ],
)
def test_every_shape_of_the_right_answer_agrees(answer: Any) -> None:
    assert agrees(bodies.json_numbers(json.dumps(answer).encode()), EXPECTED)


@pytest.mark.parametrize("answer", [[[0.2, 0.8], [0.6, 0.4]], [[0.8, 0.2], [0.3, 0.7]], [0.2, 0.8]])
def test_a_wrong_answer_does_not_agree(answer: Any) -> None:
    assert not agrees(bodies.json_numbers(json.dumps(answer).encode()), EXPECTED)


@pytest.mark.parametrize(("answer", "right"), [([1, 0, 1], True), ([0, 1, 1], False), ([1, 0], False)])
def test_all_labels_must_agree(answer: list[int], right: bool) -> None:
    assert agrees(np.array(answer), np.array([1, 0, 1])) is right


def test_every_peer_pins_exactly() -> None:
    pins = [pin for peer in (*PEERS.values(), KSERVE) for pin in peer.requirements]
    assert all("==" in pin for pin in pins)
