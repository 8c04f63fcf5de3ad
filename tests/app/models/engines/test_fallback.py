from typing import Any

import numpy as np

from app.models.engines.fallback import MAX_FAILURES, FallbackEngine
from app.models.predictions import Outcome

ROW = np.zeros((1, 2))


class Scripted:
    """Answers with the values it was given, in turn, or raises them."""

    def __init__(self, name: str, *answers: Any) -> None:
        self.name = name
        self.calls = 0
        self._answers = answers

    def predict(self, rows: Any) -> Outcome:
        answer = self._answers[min(self.calls, len(self._answers) - 1)]
        self.calls += 1
        if isinstance(answer, Exception):
            raise answer
        return Outcome(np.array([answer]), None)


def guarded(*answers: Any) -> tuple[FallbackEngine, Scripted, list[str]]:
    compiled, failures = Scripted("onnx", *answers), []
    engine = FallbackEngine(compiled, lambda: Scripted("sklearn", 7.0), on_failure=failures.append)
    return engine, compiled, failures


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


def test_result_that_is_no_number_goes_to_scikit_learn_without_counting_as_a_failure() -> None:
    engine, compiled, failures = guarded(np.nan)
    for _ in range(MAX_FAILURES + 1):
        assert engine.predict(ROW).values == [7.0]
    assert compiled.calls == MAX_FAILURES + 1
    assert failures == []
