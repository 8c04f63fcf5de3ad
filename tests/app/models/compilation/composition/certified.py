"""A model that is compiled into parts, certified, and compared with itself on many rows."""

import numpy as np

from app.models.certification.certificate import certify_candidate
from app.models.certification.model_under_test import analyse
from app.models.compilation.compilers import candidates
from app.models.engines.compiled import CompiledEngine
from app.models.engines.kernel import COMPOSED_FILE, load_kernel
from app.models.publishing.inspection import inspect_model

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.integers(-6, 7, size=(240, 4)) / 2.0  # halves: rows fall on thresholds, and votes on ties
TWO = np.where(ROWS[:, 0] + ROWS[:, 1] > GENERATOR.normal(size=240), "yes", "no")
THREE = np.array(["a", "b", "c"])[np.digitize(ROWS[:, 0] + GENERATOR.normal(size=240), [-1.0, 1.0])]
NUMBERS = ROWS[:, 0] * 2 + ROWS[:, 1] ** 2 + 9.0
MANY = np.concatenate(
    [GENERATOR.integers(-9, 10, size=(2000, 4)) / 2.0, GENERATOR.normal(size=(2000, 4)) * 3]
)


def composed(model, target, rows=ROWS):
    """The fitted model under test, its only candidate, and the candidate's certificate."""
    model.fit(rows, target)
    found = inspect_model(model, rows)
    under_test = analyse(model, found.signature, found.output, found.rows)
    (candidate,) = candidates(under_test.last, found.output, width=4)
    return under_test, candidate, certify_candidate(candidate, under_test, found.rows)


def check(model, target, rows=ROWS):
    """The model is compiled and certified, and answers more than half of many rows as itself."""
    under_test, candidate, certificate = composed(model, target, rows)
    assert certificate["certified"], certificate["reason"]
    assert candidate.spec.file == COMPOSED_FILE
    kernel = load_kernel("onnx", candidate.content, candidate.spec)
    outcome, left = CompiledEngine(under_test.preprocessor, kernel).attempt(MANY)
    answered = np.setdiff1d(np.arange(len(MANY)), left or [])
    assert len(answered) > len(MANY) / 2
    expected = model.predict(MANY)[answered]
    values = outcome.values[answered]
    if under_test.output.task == "regression":
        np.testing.assert_allclose(values, expected, rtol=1e-9)
    else:
        assert (getattr(model, "classes_", np.arange(values.max() + 1))[values] == expected).all()
        if outcome.probabilities is not None:
            probabilities = model.predict_proba(MANY)[answered]
            np.testing.assert_allclose(outcome.probabilities[answered], probabilities, atol=1e-9)
