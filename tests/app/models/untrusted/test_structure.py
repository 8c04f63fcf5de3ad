"""What is in a model of a stranger is looked at before it is used."""

import contextlib
import io
import subprocess
import sys

import numpy as np
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, NuSVR, OneClassSVM
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor
from sklearn.utils import all_estimators

from app.models.untrusted import ImportRefused, Unsound
from app.models.untrusted.archive import unpacked
from app.models.untrusted.reading import TRUSTED, read_estimator
from app.models.untrusted.structure import check_parts
from tests.app.models.untrusted.hostile import CLASSES, HOSTILE, ROWS
from tests.settings import ROOT

# Predicts with unchecked hostile models, each in a process of its own, and prints how the processes ended.
USE = """
import os, sys
from tests.app.models.untrusted.hostile import HOSTILE, ROWS
for name in sys.argv[1:]:
    if not (child := os.fork()):
        try:
            HOSTILE[name][0]().predict(ROWS)
        finally:
            os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
FATAL = [
    "left child out of memory", "feature out of memory", "in a pipeline", "histogram: child out of memory",
    "in AdaBoost", "k-d tree: point out of memory", "k-d tree: no metric", "sparse: column out of memory",
]  # fmt: skip
# What is refused before, for a type that no file may hold as it stands.
OF_OTHER_TYPES = {"in a stack", "sparse: column out of memory", "sparse: negative column"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_model_is_refused_and_the_part_named(name):
    make, words = HOSTILE[name]
    with pytest.raises(Unsound, match=words):
        check_parts(make())


def test_scikit_learn_alone_would_have_crashed():
    run = subprocess.run(
        [sys.executable, "-c", USE, *FATAL], cwd=ROOT, capture_output=True, check=True, timeout=60
    )
    ended = dict(zip(FATAL, map(int, run.stdout.split()), strict=True))
    assert [name for name, status in ended.items() if status >= 0] == []


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - OF_OTHER_TYPES))
def test_hostile_file_is_refused_when_it_is_read(name, tmp_path):
    make, words = HOSTILE[name]
    skops.io.dump(make(), tmp_path / "model.skops")
    with pytest.raises(ImportRefused, match=f"model.skops cannot be imported: .*{words}"):
        read_estimator(tmp_path / "model.skops", trust=False)


def test_model_that_asks_for_many_jobs_gets_one():
    """Each may be a process of its own, or a thread."""
    model = BaggingClassifier(RandomForestClassifier(2), n_estimators=1).fit(ROWS, CLASSES)
    model.n_jobs = model.estimators_[0].n_jobs = 10**9
    check_parts(model)
    assert (model.n_jobs, model.estimators_[0].n_jobs) == (1, 1)
    clusters = KMeans(2, n_init=1).fit(ROWS)
    clusters._n_threads = 10**9
    check_parts(clusters)
    assert clusters._n_threads == 1


def fitted_estimators():
    """All that scikit-learn has and that can be fitted to some numbers as it is."""
    for name, kind in all_estimators():
        for targets in (CLASSES, np.column_stack((CLASSES, CLASSES))):
            with contextlib.suppress(Exception):
                model = kind()
                small = {name: 5 for name in ("n_estimators", "n_quantiles") if name in model.get_params()}
                yield name, model.set_params(**small).fit(np.abs(ROWS), targets)
                break


@pytest.mark.filterwarnings("ignore")
def test_whatever_skops_can_hold_is_read():
    """Files with types that are not trusted are refused for that, before and after."""
    read = 0
    for name, model in fitted_estimators():
        try:
            content = skops.io.dumps(model)
        except TypeError:  # Birch
            continue
        others = skops.io.get_untrusted_types(data=content)
        loaded = skops.io.load(unpacked(io.BytesIO(content)), trusted=[*TRUSTED, *others])
        check_parts(loaded)
        if hasattr(model, "predict"):
            assert np.array_equal(loaded.predict(np.abs(ROWS)), model.predict(np.abs(ROWS))), name
        read += 1
    assert read > 130


LESS_COMMON = [
    DecisionTreeRegressor(ccp_alpha=0.02),
    DecisionTreeRegressor(max_leaf_nodes=5),
    ExtraTreeRegressor(),
    SVC(probability=True),
    SVC(kernel="precomputed"),
    NuSVR(),
    OneClassSVM(),
    KNeighborsClassifier(3, algorithm="ball_tree"),
    GradientBoostingRegressor(n_estimators=3, init=LinearRegression()),
    BaggingClassifier(n_estimators=3, max_features=2),
    IsolationForest(n_estimators=3, max_features=2),
]


@pytest.mark.parametrize("model", LESS_COMMON, ids=repr)
@pytest.mark.filterwarnings("ignore")
def test_models_in_less_common_shapes_are_sound(model):
    precomputed = getattr(model, "kernel", None) == "precomputed"
    check_parts(model.fit(ROWS @ ROWS.T if precomputed else ROWS, CLASSES))
