"""``flask models replay`` against this installation."""

import json
import re
import shutil

import pytest

from app import create_app
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.conftest import configuration
from tests.estimators import BOXES, SumClassifier, SumRegressor, fitted

LARGE, SMALL = [9, 9, 9], [1, 2, 3]
KEY = "7e1c0f5a9b3d48264f0e8d1a"


@pytest.fixture(scope="module")
def initial_store(tmp_path_factory):
    store = ModelStore(tmp_path_factory.mktemp("replayed"))
    store.activate(publish(store, fitted(SumClassifier()), sample=BOXES, version="v1"))
    sums = ModelStore(store.root / "sums")
    sums.activate(publish(sums, fitted(SumRegressor()), sample=BOXES, version="v1"))
    return store.root


@pytest.fixture
def replay(store, tmp_path):
    """Replay lines, and return the result of the command."""

    def replay(*lines, options=(), **variables):
        path = tmp_path / "yesterday.jsonl"
        path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
        app = create_app(configuration(store.root, **variables))
        return app.test_cli_runner().invoke(args=["models", "replay", str(path), *options])

    return replay


def native(row, prediction):
    return {"request": {"features": row}, "response": {"result": {"prediction": prediction}}}


def test_same_answers_are_status_0(replay):
    result = replay(native(SMALL, 0), native(LARGE, 1))
    assert result.exit_code == 0, result.output
    assert re.search(r"equal +2", result.stdout)


def test_other_label_is_status_1_and_shown(replay):
    result = replay(native(SMALL, 0), native(LARGE, 0))
    assert result.exit_code == 1
    assert re.search(r'2 +0 +other label +– +{"prediction": 0} +{"prediction": 1}', result.stdout)


def test_row_refused_here_is_status_1_with_the_reason(replay):
    result = replay(native([1, 2, None], 0))
    assert result.exit_code == 1
    assert "depth must be a number, not null" in result.stdout


def test_tables_say_what_else_there_was(replay):
    refused = {"request": {"features": [1, 2]}, "response": "no", "status": 400}
    single = {"path": "/api/models/sums/predict", "request": {"features": [1 / 3, 0, 0]}}
    result = replay(refused, single | {"response": {"result": {"prediction": 0.33333334}}}, "nonsense\n")
    assert result.exit_code == 0, result.output
    assert "refused by both (requests)" in result.stdout
    assert "1 differ from these only by its rounding" in result.stdout
    assert re.search(r"not JSON +1 +3", result.stdout)


def test_json_is_for_scripts(replay):
    result = replay(native(SMALL, 0), native(LARGE, 0), options=["--json", "--worst", "1"])
    found = json.loads(result.stdout)
    assert (found["same"], found["requests"], found["rows"]["equal"]) == (False, 2, 1)
    assert [(each["line"], each["outcome"]) for each in found["worst"]] == [(2, "other_label")]


def test_model_may_be_called_otherwise_here(replay):
    line = native([1, 2, 3.5], 6.5) | {"path": "/api/models/old/predict"}
    assert replay(line, options=["--model", "sums"]).exit_code == 0
    assert "There is no model" in replay(line).stdout
    assert replay(line, options=["--model", "none"]).exit_code == 1


def test_where_only_another_model_is_there_it_need_not_be_named(replay, store):
    shutil.rmtree(store.folder("v1"))
    (store.root / "active.json").unlink()
    line = native([1, 2, 3.5], 6.5) | {"path": "/api/models/sums/predict"}
    assert replay(line).exit_code == 0
    result = replay(line, options=["--model", "default"])
    assert (result.exit_code, "Error: No model is loaded" in result.stderr) == (1, True), result.stderr


def test_a_default_model_that_is_damaged_is_not_passed_over(replay, store):
    (store.folder("v1") / "metadata.json").write_text("{")
    result = replay(native(SMALL, 0))
    assert result.exit_code == 1
    assert "Error: Version v1 cannot be loaded" in result.stderr


def test_without_any_model_it_says_so(replay, store):
    shutil.rmtree(store.root)
    result = replay(native(SMALL, 0))
    assert result.exit_code == 1
    assert result.stderr.endswith("Error: No model is loaded\n")


def test_tolerance_makes_numbers_count(replay):
    line = native([1, 2, 3.5], 6.75) | {"path": "/api/models/sums/predict"}
    assert replay(line).exit_code == 0
    assert replay(line, options=["--tolerance", "0.1"]).exit_code == 0
    assert replay(line, options=["--tolerance", "0.01"]).exit_code == 1


def test_keys_and_limits_are_for_callers_and_nothing_is_logged(replay, tmp_path):
    log = tmp_path / "service.log"
    result = replay(*[native(SMALL, 0)] * 5, API_KEY_1=KEY, RATE_LIMIT="2/minute", LOG_FILE=log)
    assert result.exit_code == 0, result.output
    assert '"route"' not in log.read_text()


def test_log_of_this_service_replays_to_the_same(replay, logged, store):
    app = create_app(configuration(store.root, LOG_INPUTS=True))
    with app.app_context():
        for name in ("default", "sums"):
            app.extensions["model_registry"][name].load()
    client = app.test_client()
    logged()
    client.post("/api/predict", json={"features": dict(zip(BOXES, SMALL, strict=True))})
    client.post("/api/predict/batch", json={"samples": [SMALL, LARGE]})
    client.post("/api/models/sums/predict", json={"features": [1, 2, 3.5]})
    client.get("/api/health")
    result = replay(*logged(), options=["--json"])
    found = json.loads(result.stdout)
    assert (result.exit_code, found["rows"]["equal"], found["same"]) == (0, 4, True)
    assert found["left_out"] == {"a line of this service without a prediction": {"lines": 1, "first": [4]}}


@pytest.mark.parametrize(
    ("lines", "message"),
    [([], "has no lines"), (["\n"], "has no lines"), (["x\n"], "no line could be replayed")],
)
def test_log_that_proves_nothing_is_an_error(replay, lines, message):
    result = replay(*lines)
    assert result.exit_code == 1
    assert message in result.stderr


def test_service_that_is_not_there_is_one_line(replay):
    result = replay(native(SMALL, 0), options=["--url", "http://127.0.0.1:1"])
    assert result.exit_code == 1
    assert "http://127.0.0.1:1 does not answer" in result.stderr


@pytest.mark.parametrize("url", ["localhost", "http://", "http://localhost:port", "ftp://localhost"])
def test_url_that_is_no_address_is_wrong_usage(replay, url):
    result = replay(native(SMALL, 0), options=["--url", url])
    assert result.exit_code == 2
    assert "must be an address such as" in result.stderr


@pytest.mark.parametrize("in_file", [True, False])
def test_running_service_gets_the_key_of_the_file_or_else_of_the_variable(
    replay, service, tmp_path, monkeypatch, in_file
):
    service.answers = [(200, {}, b'{"result": {"prediction": 0}}')]
    (tmp_path / "key").write_text("of-the-file\n")
    monkeypatch.setenv("FLASK_ML_API_KEY", "of-the-variable")
    options = ["--url", service.url, *(["--key", str(tmp_path / "key")] if in_file else [])]
    result = replay(native(SMALL, 0), options=options)
    assert result.exit_code == 0, result.output
    key = "of-the-file" if in_file else "of-the-variable"
    assert service.requests == [("/api/predict", key, {"features": SMALL})]
