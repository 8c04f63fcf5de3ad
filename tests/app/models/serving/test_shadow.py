from threading import Event

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from app.models.ports import Shadowed
from app.models.prediction import Prediction
from app.models.serving.shadow import MAX_WAITING, PAUSE, Job, Shadow, disagreements
from tests.services import wait_until

ROWS = [[1, 2, 3]]


class Notebook:
    """Observer that adds up the events of the shadow."""

    def __init__(self):
        self.compared, self.disagreed, self.failed, self.dropped = 0, 0, 0, 0

    def __call__(self, event):
        if isinstance(event, Shadowed):
            self.compared += len(event.prediction.output.values)
            self.disagreed += event.disagreed
        elif event.outcome == "failed":
            self.failed += event.rows
        else:
            self.dropped += event.rows


@pytest.fixture
def notebook():
    return Notebook()


@pytest.fixture
def answers(app):
    """Answers of `SumClassifier`: to one row, as the champion gave it."""
    from app.models.ml_models import model_manager

    return lambda rows=ROWS: model_manager.served_model.predict(rows)


def test_a_challenger_that_blocks_delays_nobody_and_what_does_not_fit_is_dropped(notebook, answers):
    released, entered, answer = Event(), Event(), answers()

    def block(model, rows):
        entered.set()
        released.wait()
        return answer

    shadow = Shadow(block, notebook)
    for _ in range(MAX_WAITING + 5):  # all of it while the challenger is stuck
        shadow.submit(Job(answer.model, ROWS, answer))
    assert entered.wait(10)
    assert (notebook.dropped, notebook.compared) == (5, 0)
    released.set()
    wait_until(lambda: notebook.compared == MAX_WAITING)
    assert (notebook.disagreed, notebook.failed) == (0, 0)


def test_a_challenger_that_fails_is_counted_and_the_next_job_is_done(notebook, answers):
    answer, outcomes = answers(), iter([RuntimeError("no"), None])

    def moody(model, rows):
        if error := next(outcomes):
            raise error
        return answer

    shadow = Shadow(moody, notebook)
    for _ in range(2):
        shadow.submit(Job(answer.model, ROWS, answer))
    wait_until(lambda: notebook.compared == 1)
    assert notebook.failed == 1


def test_a_shadow_rests_three_times_as_long_as_it_works(notebook, answers):
    answer, rests = answers(), []

    def slow(model, rows):
        Event().wait(0.01)
        return answer

    shadow = Shadow(slow, notebook, rest=rests.append)
    for _ in range(3):
        shadow.submit(Job(answer.model, ROWS, answer))
    wait_until(lambda: len(rests) == 6)
    assert min(rests[1::2]) >= 0.03


def test_a_job_waits_until_the_answer_is_sent_unless_others_were_before_it(notebook, answers):
    answer, rests = answers(), []

    def slow(model, rows):
        Event().wait(2 * PAUSE)
        return answer

    shadow = Shadow(slow, notebook, rest=rests.append)
    for _ in range(2):
        shadow.submit(Job(answer.model, ROWS, answer))
    wait_until(lambda: len(rests) == 4)
    assert 0 <= rests[0] <= PAUSE
    assert rests[2] == 0.0


def test_labels_that_differ_disagree(answers):
    small, mixed = answers([[1, 2, 3], [1, 2, 3]]), answers([[1, 2, 3], [9, 9, 9]])
    assert disagreements(small, small) == 0
    assert disagreements(small, mixed) == 1


def test_numbers_that_differ_by_more_than_a_hundredth_disagree(serve):
    from app.models.ml_models import model_manager
    from tests.estimators import SumRegressor, fitted

    serve(fitted(SumRegressor()))
    answer = model_manager.served_model.predict([[10, 0, 0], [0, 10, 0]])
    near = Prediction(answer.model, answer.output._replace(values=answer.output.values * 1.005), [], [])
    far = Prediction(answer.model, answer.output._replace(values=answer.output.values * [1, 1.1]), [], [])
    assert (disagreements(answer, near), disagreements(answer, far)) == (0, 1)


def test_outputs_of_transformers_disagree_like_numbers(serve):
    from app.models.ml_models import model_manager

    sample = np.array([*ROWS, [9, 9, 9]], dtype=float)
    serve(StandardScaler().fit(sample), sample=sample)
    answer = model_manager.served_model.predict([[10, 0, 0], [0, 10, 0]])
    far = Prediction(answer.model, answer.output._replace(values=answer.output.values * [[1], [1.1]]), [], [])
    assert (disagreements(answer, answer), disagreements(answer, far)) == (0, 1)
