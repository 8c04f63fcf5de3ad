"""What one version answered by each protocol, replayed to that version and to another."""

import json
from functools import cache

import pytest

from app import create_app
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.conftest import configuration
from tests.estimators import BOXES, NAMES, SizeClassifier, SumClassifier, fitted

EVENT = "org.kubeflow.serving.inference."
ROWS = [[1, 2, 3], [9, 9, 9], [0.5, 0.25, 4]]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
COLUMNS = {name: [row[position] for row in ROWS] for position, name in enumerate(NAMES)}
MATRIX = {"name": "x", "shape": [3, 3], "datatype": "FP64", "data": ROWS}
TENSORS = [
    {"name": name, "shape": [3, 1], "datatype": "FP64", "data": cells} for name, cells in COLUMNS.items()
]
BOTH = [{"name": "predict"}, {"name": "predict_proba"}]
# By route of the default model: bodies of MLflow, V1, V2, Azure and the native API.
BODIES = {
    "/invocations": [
        {"dataframe_split": {"columns": NAMES, "data": ROWS}},
        {"dataframe_records": RECORDS},
        {"instances": ROWS},
        {"inputs": COLUMNS},
        {"dataframe_records": RECORDS, "params": {"outputs": "predict_proba"}},
    ],
    "/v1/models/default:predict": [
        {"instances": ROWS},
        {"instances": RECORDS},
        {"inputs": COLUMNS},
        {"instances": ROWS, "signature_name": "predict_proba"},
    ],
    "/v1/models/default:classify": [{"examples": RECORDS}],
    "/v2/models/default/infer": [{"inputs": [MATRIX]}, {"inputs": TENSORS, "outputs": BOTH}],
    "/score": [{"data": ROWS}, {"input_data": ROWS}, {"Inputs": {"data": ROWS}}],
    "/api/predict/batch": [{"samples": ROWS}],
}
ASKED = [(path, body) for path, bodies in BODIES.items() for body in bodies]
# Those whose route shows in the body.
TABLE = [(path, body) for path, body in ASKED if path in ("/invocations", "/v2/models/default/infer")]


@pytest.fixture(scope="module")
def initial_store(tmp_path_factory):
    store = ModelStore(tmp_path_factory.mktemp("replayed"))
    for each in (store, ModelStore(store.root / "boxes")):
        each.activate(publish(each, fitted(SumClassifier()), sample=BOXES, version="v1"))
        publish(each, fitted(SizeClassifier()), sample=BOXES, version="v2")
    return store.root


@pytest.fixture
def answer(store):
    """What an app, whose log has the rows and the answers, says to a body."""

    @cache  # made by the test itself, so that it logs to the test's output
    def client():
        app = create_app(configuration(store.root, LOG_INPUTS=True))
        with app.app_context():
            for name in ("default", "boxes"):
                app.extensions["model_registry"][name].load()
        return app.test_client()

    def answer(path, body):
        response = client().post(path, json=body)
        assert response.status_code == 200, response.data
        return response.get_json()

    return answer


@pytest.fixture
def replay(store, tmp_path):
    """Replay lines in process, and return the status and the report of the command."""

    def replay(lines, *options, **variables):
        path = tmp_path / "yesterday.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)))
        runner = create_app(configuration(store.root, **variables)).test_cli_runner()
        result = runner.invoke(args=["models", "replay", str(path), "--json", *options])
        return result.exit_code, json.loads(result.stdout)

    return replay


def counts(report):
    return {outcome: rows for outcome, rows in report["rows"].items() if rows}


def plain(answer, asked=ASKED):
    return [{"path": path, "request": body, "response": answer(path, body)} for path, body in asked]


def table(answer):
    """An inference table of MLflow or Databricks."""
    for path, body in TABLE:
        yield {
            "status_code": 200,
            "request": json.dumps(body),
            "response": json.dumps(answer(path, body)),
        }


def events(answer):
    """Those of KServe's logger, whose bodies are of V1 and V2."""
    asked = [(path, body) for path, body in ASKED if path.endswith(("default:predict", "/infer"))]
    for number, (path, body) in enumerate(asked):
        for kind, data in (("request", body), ("response", answer(path, body))):
            yield {"id": str(number), "type": f"{EVENT}{kind}", "data": data}


FORMS = {"plain": plain, "table": table, "events": events}


@pytest.mark.parametrize("form", FORMS)
def test_the_version_that_answered_answers_the_same(answer, replay, form):
    lines = list(FORMS[form](answer))
    status, report = replay(lines)
    assert (status, report["left_out"], report["same"]) == (0, {}, True)
    requests = len(lines) // (2 if form == "events" else 1)
    assert (report["requests"], counts(report)) == (requests, {"equal": 3 * requests})


@pytest.mark.parametrize("form", FORMS)
def test_a_version_with_other_labels_does_not(answer, replay, store, form):
    lines = list(FORMS[form](answer))
    store.activate("v2")
    status, report = replay(lines)
    assert (status, report["same"]) == (1, False)
    assert "refused_here" not in counts(report)
    assert report["rows"]["other_label"] > 0


@pytest.mark.parametrize("form", ["table", "events"])
def test_a_model_of_another_name_has_routes_for_the_same_bodies(answer, replay, form):
    lines = list(FORMS[form](answer))
    status, report = replay(lines, "--model", "boxes")
    assert (status, set(counts(report))) == (0, {"equal"}), report["reasons"]


def test_paths_of_a_log_are_those_of_the_model_that_is_named(answer, replay, store):
    asked = [(path, body) for path, body in ASKED if "default" in path]
    asked.append(("/models/default/invoke", {"dataframe_records": RECORDS}))
    lines = plain(answer, asked)
    ModelStore(store.root / "boxes").activate("v2")
    assert replay(lines)[0] == 0
    assert replay(lines, "--model", "boxes")[0] == 1


def test_own_log_holds_the_rows_of_every_protocol(logged, answer, replay):
    """Also those of long bodies, which are columns, with names if the body had any."""
    answer(*ASKED[0])
    logged()  # so far
    for path, body in ASKED:
        answer(path, body)
    many = [dict(zip(NAMES, row, strict=True)) for row in ROWS * 40]
    answer("/invocations", {"dataframe_records": many})
    answer("/v1/models/boxes:predict", {"instances": many})
    answer("/v2/models/boxes/infer", {"inputs": TENSORS})
    status, report = replay(logged())
    assert (status, counts(report)) == (0, {"equal": 3 * (len(ASKED) + 1) + 2 * len(many)})


def test_rows_are_not_counted(answer, replay):
    lines = plain(answer)
    assert replay(lines, RATE_LIMIT_ROWS="3/hour", WORKERS=1)[0] == 0


def test_a_protocol_that_is_off_refuses_its_rows(answer, replay):
    status, report = replay(plain(answer), DIALECTS="native,v2")
    assert (status, counts(report)) == (1, {"equal": 9, "refused_here": 3 * (len(ASKED) - 3)})
