"""What is saved is servable: a version is loaded and replayed where the saving script was never seen."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import psutil
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from app.exceptions import UnsupportedModel
from app.models.publishing import fresh_process
from app.models.publishing.publish import publish
from tests.estimators import BOXES, SumRegressor, fitted
from tests.services import wait_until
from tests.settings import ROOT

pytestmark = pytest.mark.usefixtures("_versions_are_tried")

SAVING = """
import numpy as np
import psutil
from pathlib import Path
from sklearn.base import BaseEstimator, RegressorMixin
from app.exceptions import UnsupportedModel
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore

class Local(RegressorMixin, BaseEstimator):
    def fit(self, rows, target):
        self.mean_ = 1.0
        return self
    def predict(self, rows):
        return np.asarray(rows).sum(axis=1)

rows = np.random.default_rng(0).normal(size=(30, 2))
store = ModelStore(Path({root!r}))
try:
    publish(store, Local().fit(rows, None), sample=rows)
except UnsupportedModel as error:
    print(error, store.versions())
"""


class Crashing(SumRegressor):
    """Ends the process that tries it."""

    def __setstate__(self, state):
        if sys.argv[0].endswith("replay_process.py"):
            os.abort()
        vars(self).update(state)


class Talking(SumRegressor):
    """Prints while it is unpickled."""

    def __setstate__(self, state):
        print('{"reason": "mine"}')
        vars(self).update(state)


class Forgetful(RegressorMixin, BaseEstimator):
    """Answers otherwise once it was unpickled."""

    def fit(self, rows, target=None):
        self.n_features_in_ = np.shape(rows)[1]
        self.factor_ = 2.0
        return self

    def __getstate__(self):
        return vars(self) | {"factor_": 3.0}

    def predict(self, rows):
        return np.sum(rows, axis=1) * self.factor_


class ForgetfulOfSome(Forgetful):
    """Answers otherwise, but only to rows that are no golden rows."""

    def predict(self, rows):
        rows = np.asarray(rows)
        return np.where(rows[:, 0] == 4.25, rows.sum(axis=1) * self.factor_, rows.sum(axis=1))


def test_class_of_the_saving_script_is_refused_with_what_to_do(tmp_path):
    script = tmp_path / "save.py"
    script.write_text(dedent(SAVING.format(root=str(tmp_path / "models"))))
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert "Local is not to be found outside of the script that saved it" in done.stdout
    assert "define it in a module that the service can import" in done.stdout
    assert done.stdout.strip().endswith("[]")


def test_class_of_a_module_that_the_service_lacks_is_refused_by_its_name(store, tmp_path, monkeypatch):
    (tmp_path / "theirs_alone.py").write_text(
        "from tests.estimators import SumRegressor\nclass Mine(SumRegressor): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import theirs_alone

    with pytest.raises(
        UnsupportedModel, match="needs the module 'theirs_alone', which the service cannot import"
    ):
        publish(store, fitted(theirs_alone.Mine()), sample=BOXES)
    assert store.versions() == []


def test_model_that_ends_the_process_is_refused(store):
    with pytest.raises(UnsupportedModel, match="a process that loaded it ended by SIGABRT"):
        publish(store, fitted(Crashing()), sample=BOXES)
    assert store.versions() == []
    assert publish(store, fitted(SumRegressor()), sample=BOXES)  # the next one finds a process


def test_what_a_model_prints_is_no_answer(store):
    assert publish(store, fitted(Talking()), sample=BOXES)


def test_model_that_answers_otherwise_once_loaded_is_refused(store):
    with pytest.raises(UnsupportedModel, match="loaded again, 20 of 20 answers differ"):
        publish(store, fitted(Forgetful()), sample=BOXES.to_numpy() + 1)
    assert store.versions() == []


def test_the_first_thousand_rows_are_compared_too(store):
    sample = np.random.default_rng(0).normal(size=(900, 3))
    sample[777, 0] = 4.25
    with pytest.raises(UnsupportedModel, match=r"row 777 of the sample: .* is served, the model predicts"):
        publish(store, ForgetfulOfSome().fit(sample), sample=sample)
    assert store.versions() == []


def test_process_that_was_killed_is_started_again(store):
    fresh_process.FreshProcess.started().close()
    assert publish(store, fitted(SumRegressor()), sample=BOXES)


def test_nothing_of_a_refused_version_stays_behind(store):
    with pytest.raises(UnsupportedModel):
        publish(store, fitted(Forgetful()), sample=BOXES.to_numpy() + 1)
    assert [path.name for path in store.root.iterdir() if path.name != ".lock"] == []


class Endless(SumRegressor):
    """Tells where it is unpickled, and never ends doing so."""

    def __setstate__(self, state):
        if sys.argv[0].endswith("replay_process.py"):
            Path(state["told"]).write_text(str(os.getpid()))
            signal.pause()
        vars(self).update(state)


ENDLESS = """
import sys
from pathlib import Path
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.app.models.publishing.test_fresh_process import Endless
from tests.estimators import BOXES, fitted

model = fitted(Endless())
model.told = sys.argv[2]
publish(ModelStore(Path(sys.argv[1])), model, sample=BOXES)
"""


def test_processes_that_try_a_version_end_with_the_script_that_saves_it(tmp_path):
    told = tmp_path / "told"
    command = [sys.executable, "-c", ENDLESS, str(tmp_path / "models"), str(told)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as script:
        wait_until(lambda: told.exists() and told.read_text())
        children = psutil.Process(script.pid).children(recursive=True)
        assert int(told.read_text()) in {child.pid for child in children}
        script.kill()
    assert psutil.wait_procs(children, timeout=60)[1] == []
