"""``flask models import --follow``: what the alias means is active, whatever fails meanwhile."""

import signal

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from app import create_app
from app.cli.import_options import ImportOptions
from app.cli.model_follow import AliasFollower, ended_by_signals
from app.models.importing.importer import import_files
from app.models.importing.mlflow.model_uri import ModelUri
from app.models.importing.mlflow.tracking_server import RegistryUnavailable, TrackingServer
from app.models.ml_models import model_manager
from app.models.serving import operations
from tests.app.models.importing.mlflow.conftest import registry  # noqa: F401 # a fixture
from tests.app.models.importing.mlflow.folders import example_of, mlflow_folder
from tests.conftest import configuration
from tests.estimators import BOXES

SIZE = np.array([0, 1] * 10)
OPTIONS = ImportOptions(
    scaler=None, onnx=None, sample=None, target=None, version=None, activate=False, trust=(), code=()
)


@pytest.fixture
def versions(registry, tmp_path):  # noqa: F811 # the fixture imported above
    """The registry with two versions, of which the first is the champion; the third is a pickle."""
    model = LogisticRegression().fit(BOXES, SIZE)
    for number, form in (("1", "skops"), ("2", "skops"), ("3", "pickle")):
        registry.versions[number] = mlflow_folder(tmp_path / number, model, example_of(BOXES), form=form)
    registry.aliases["champion"] = "1"
    return registry


@pytest.fixture
def follower(models_dir, versions):
    """A follower of the champion; ``requests`` has what it imported."""
    app = create_app(configuration(models_dir))
    with app.app_context():
        requests = []

        def importing(request):
            requests.append(request)
            return import_files(request)

        found = AliasFollower(
            ModelUri("boxes", alias="champion"),
            TrackingServer(versions.address),
            OPTIONS,
            model_manager.registry.open("default"),
            importing=importing,
        )
        found.requests = requests
        yield found


def test_version_is_imported_and_activated_once_for_each_move(follower, versions, store):
    follower.poll()
    first = store.active()
    follower.poll()
    assert (store.versions(), len(follower.requests)) == ([first], 1)
    versions.aliases["champion"] = "2"
    follower.poll()
    second = store.active()
    assert second != first
    assert store.metadata(second)["mlflow"]["registered_version"] == "2"


def test_alias_that_moves_back_activates_what_is_stored(follower, versions, store):
    for number in ("1", "2", "1"):
        versions.aliases["champion"] = number
        follower.poll()
    assert len(follower.requests) == 2
    assert store.metadata(store.active())["mlflow"]["registered_version"] == "1"


def test_rollback_by_an_operator_lasts_until_the_alias_moves(follower, versions, store, models_dir):
    follower.poll()
    versions.aliases["champion"] = "2"
    follower.poll()
    second = store.active()
    operations.roll_back(model_manager.registry.open("default"))
    follower.poll()
    assert store.active() != second


def test_version_that_is_refused_is_logged_once_and_the_next_is_taken(follower, versions, store, caplog):
    follower.poll()
    versions.aliases["champion"] = "3"
    for _ in range(2):
        follower.poll()
    (line,) = [each for each in caplog.records if each.msg == "a registered version is refused"]
    assert (line.registered_version, "--trust" in line.reason) == ("3", True)
    assert len(follower.requests) == 1
    versions.aliases["champion"] = "2"
    follower.poll()
    assert store.metadata(store.active())["mlflow"]["registered_version"] == "2"


def test_registry_that_fails_is_asked_again(follower, versions, store):
    versions.answers["mlflow/model-versions/get-download-uri"] = (500, {}, b"")
    with pytest.raises(RegistryUnavailable, match="answers 500"):
        follower.poll()
    versions.answers.clear()
    follower.poll()
    assert store.active() is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_with_status_0_and_the_handlers_are_restored(number):
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as end, ended_by_signals():
        signal.raise_signal(number)
    assert end.value.code == 0
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("models:/boxes/3", "--follow"), "--follow takes models:/name@alias"),
        (("tests", "--follow"), "--follow takes models:/name@alias"),
        (("models:/boxes", "--follow", "--version", "v1"), "leave out --version"),
        (("models:/a/b/c",), "expected models:/name@alias"),
    ],
)
def test_options_that_do_not_go_together_are_refused(models_dir, arguments, reason):
    app = create_app(configuration(models_dir))
    result = app.test_cli_runner().invoke(args=["models", "import", *arguments])
    assert (result.exit_code, reason in " ".join(result.output.split())) == (2, True)
