import numpy as np
import pandas as pd
from joblib import cpu_count, effective_n_jobs
from sklearn.linear_model import LogisticRegression

from app.models.training.datasets import Dataset
from app.models.training.fitting import fit

ROWS = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])
LABELS = (ROWS["a"] > 0).astype(int)


class Counting(LogisticRegression):
    """Notes how many jobs it would start if nobody told it."""

    def fit(self, rows, target, sample_weight=None):
        self.jobs_ = effective_n_jobs(None)
        return super().fit(rows, target)


def test_estimators_are_fitted_on_all_cores_and_keep_their_parameters():
    fitted = fit(Dataset("rows", ROWS, LABELS, "classification"), Counting())
    assert fitted.model.jobs_ == cpu_count()
    assert fitted.model.get_params() == Counting().get_params()
    assert effective_n_jobs(None) == 1
