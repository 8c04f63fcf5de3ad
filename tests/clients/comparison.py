"""Scikit-learn's own answers, and whether those of a server equal them."""

from typing import Any

import numpy as np

from tests.clients.fitted_models import asked_people, flower_model, flower_rows, people_model

CLOSE = 1e-5  # what a compiled engine is certified to, and what a row in single precision may add


def assert_flowers(labels: Any = None, probabilities: Any = None, *, count: int = 15) -> None:
    """Compare what a server said about `flower_rows` with the model itself, in any shape."""
    _compare(flower_model(), flower_rows(count), labels, probabilities)


def assert_people(labels: Any = None, probabilities: Any = None) -> None:
    """Compare what a server said about `asked_people` with the model itself, in any shape."""
    _compare(people_model(), asked_people(), labels, probabilities)


def _compare(model: Any, rows: Any, labels: Any, probabilities: Any) -> None:
    assert labels is not None or probabilities is not None
    if labels is not None:
        assert np.ravel(labels).tolist() == model.predict(rows).tolist()
    if probabilities is not None:
        expected = model.predict_proba(rows)
        assert np.size(probabilities) == expected.size
        assert np.abs(np.reshape(probabilities, expected.shape) - expected).max() <= CLOSE
