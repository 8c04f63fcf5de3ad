import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from app.models.training.datasets import Dataset
from app.models.training.fitting import fit

ROWS = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])
LABELS = (ROWS["a"] > 0).astype(int)


class Counting(RandomForestClassifier):
    """Notes how many jobs it may start."""

    def fit(self, rows, target, sample_weight=None):
        self.jobs_ = self.n_jobs
        return super().fit(rows, target)


@pytest.mark.parametrize("columns", [ROWS, ROWS.assign(city="Rome")], ids=["numbers", "a pipeline"])
def test_estimators_are_fitted_on_all_cores_and_keep_their_parameters(columns):
    fitted = fit(Dataset("rows", columns, LABELS, "classification"), Counting(3))
    last = fitted.model[-1] if fitted.scaler is None else fitted.model
    assert last.jobs_ == -1
    assert last.get_params() == Counting(3).get_params()


def test_what_was_said_about_jobs_is_kept():
    fitted = fit(Dataset("rows", ROWS, LABELS, "classification"), Counting(3, n_jobs=2))
    assert (fitted.model.jobs_, fitted.model.n_jobs) == (2, 2)


@pytest.mark.filterwarnings("error")
def test_nobody_is_warned_of_jobs_that_an_estimator_does_not_start():
    fit(Dataset("rows", ROWS, LABELS, "classification"), LogisticRegression())
