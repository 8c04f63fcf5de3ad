from typing import Any

import numpy as np
import pytest

from app.models.engines.fallback import MAX_FAILURES, FallbackEngine, OriginalMissing
from app.models.engines.output import EngineOutput

ROW = np.zeros((1, 2))
ROWS = np.zeros((3, 2))


class Compiled:
    """Answers with the values it was given, in turn, or raises them; leaves some rows open."""

    name = "onnx"

    def __init__(self, *answers: Any, left: list[int] | None = None) -> None:
        self.calls = 0
        self._answers = answers
        self._left = left

    def attempt(self, rows: Any) -> tuple[EngineOutput, list[int] | None]:
        answer = self._answers[min(self.calls, len(self._answers) - 1)]
        self.calls += 1
        if isinstance(answer, Exception):
            raise answer
        return EngineOutput(np.full(len(rows), answer), np.full((len(rows), 2), answer)), self._left


class Original:
    """Answers with seven."""

    name = "sklearn"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def predict(self, rows: Any) -> EngineOutput:
        self.asked.append(len(rows))
        return EngineOutput(np.full(len(rows), 7.0), np.full((len(rows), 2), 7.0))


def guarded(*answers: Any, left: list[int] | None = None) -> tuple[FallbackEngine, Compiled, list[str]]:
    compiled, failures = Compiled(*answers, left=left), []
    return FallbackEngine(compiled, Original, on_failure=failures.append), compiled, failures


def test_compiled_engine_answers_while_it_works() -> None:
    engine, _, failures = guarded(1.0)
    assert engine.predict(ROW).values == [1.0]
    assert (engine.name, failures) == ("onnx", [])


def test_failure_is_answered_by_scikit_learn_and_counted() -> None:
    engine, _, failures = guarded(RuntimeError("broken"), 1.0)
    assert engine.predict(ROW).values == [7.0]
    assert failures == ["onnx"]
    assert engine.predict(ROW).values == [1.0]


def test_three_failures_in_a_row_put_the_engine_out() -> None:
    engine, compiled, _ = guarded(RuntimeError("broken"))
    for _ in range(MAX_FAILURES + 5):
        assert engine.predict(ROW).values == [7.0]
    assert compiled.calls == MAX_FAILURES
    assert engine.name == "sklearn"


def test_failures_that_are_not_in_a_row_do_not_put_the_engine_out() -> None:
    engine, compiled, _ = guarded(*[RuntimeError("broken"), RuntimeError("broken"), 1.0] * 3, 1.0)
    for _ in range(10):
        engine.predict(ROW)
    assert compiled.calls == 10
    assert engine.name == "onnx"


def test_rows_left_open_are_the_originals_and_the_others_stay() -> None:
    engine, _, failures = guarded(1.0, left=[0, 2])
    outcome = engine.predict(ROWS)
    assert outcome.values.tolist() == [7.0, 1.0, 7.0]
    assert outcome.probabilities.tolist() == [[7.0, 7.0], [1.0, 1.0], [7.0, 7.0]]
    assert engine.reference.asked == [3]  # as the caller's call: its rows round each other
    assert failures == []


def test_leaving_rows_open_is_no_failure() -> None:
    engine, compiled, failures = guarded(1.0, left=[0])
    for _ in range(MAX_FAILURES + 1):
        assert engine.predict(ROW).values == [7.0]
    assert compiled.calls == MAX_FAILURES + 1
    assert failures == []


def test_row_left_open_has_no_answer_where_the_original_cannot_be_loaded() -> None:
    def absent() -> Original:
        raise ImportError("scikit-learn")

    engine = FallbackEngine(Compiled(1.0, left=[0]), absent, on_failure=lambda name: None)
    with pytest.raises(OriginalMissing):
        engine.predict(ROW)
