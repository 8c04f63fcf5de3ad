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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("columns", [ROWS, ROWS.assign(city="Rome")], ids=["numbers", "a pipeline"])
def test_a_forest_tells_the_share_of_its_trees_and_is_that_of_a_single_fit(columns):
    dataset, shares = Dataset("rows", columns, LABELS, "classification"), []
    fitted = fit(dataset, RandomForestClassifier(50, random_state=0), advance=shares.append)
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    whole = fit(dataset, RandomForestClassifier(50, random_state=np.random.RandomState(0)))
    one, other = (each.model if each.scaler else each.model[-1] for each in (fitted, whole))
    for tree, same in zip(one.estimators_, other.estimators_, strict=True):
        np.testing.assert_array_equal(tree.tree_.threshold, same.tree_.threshold)
        np.testing.assert_array_equal(tree.tree_.value, same.tree_.value)
    assert one.get_params() == RandomForestClassifier(50, random_state=0).get_params()


@pytest.mark.parametrize(
    "forest",
    [
        RandomForestClassifier(50, class_weight="balanced", random_state=0),
        RandomForestClassifier(50, oob_score=True, random_state=0),
        RandomForestClassifier(50, random_state=np.random.RandomState(0)),
    ],
    ids=["of weights by frequency", "measured out of the bag", "of a generator"],
)
def test_a_forest_that_cannot_be_extended_as_it_is_is_fitted_at_once(forest):
    shares = []
    fit(Dataset("rows", ROWS, LABELS, "classification"), forest, advance=shares.append)
    assert shares == []


def test_what_was_said_about_jobs_is_kept():
    fitted = fit(Dataset("rows", ROWS, LABELS, "classification"), Counting(3, n_jobs=2))
    assert (fitted.model.jobs_, fitted.model.n_jobs) == (2, 2)


@pytest.mark.filterwarnings("error")
def test_nobody_is_warned_of_jobs_that_an_estimator_does_not_start():
    fit(Dataset("rows", ROWS, LABELS, "classification"), LogisticRegression())
