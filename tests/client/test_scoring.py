"""Files of rows, and their copies with predictions."""

import json
import re
import sys

import pandas as pd
import pyarrow.parquet as pq
import pytest

from model_service_client import ClientError, ServerError
from model_service_client.scoring import in_order
from tests.client.fake_service import Reply, error
from tests.estimators import SizeClassifier, SumRegressor, fitted

ROWS = pd.DataFrame({"id": range(7), "depth": 0.0, "height": [float(row) for row in range(7)], "width": 0.0})
WRITE = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".ndjson": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    ".parquet": lambda frame, path: frame.to_parquet(path),
}
READ = {
    ".csv": pd.read_csv,
    ".ndjson": lambda path: pd.read_json(path, lines=True),
    ".jsonl": lambda path: pd.read_json(path, lines=True),
    ".parquet": pd.read_parquet,
}
INFO = Reply(document={"feature_names": ["a"], "example": {"a": 1}})
KINDS = Reply(document={"columns": {"prediction": [1.5]}})


@pytest.fixture
def sums(serve_over_http):
    return serve_over_http(fitted(SumRegressor()), version="v1")


@pytest.fixture(params=WRITE)
def kind(request):
    return request.param


def files(folder, kind, frame=ROWS):
    source = folder / f"rows{kind}"
    WRITE[kind](frame, source)
    return source, folder / f"scored{kind}"


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_copy_has_all_columns_and_the_predictions_in_order(sums, tmp_path, kind, rows):
    source, out = files(tmp_path, kind)
    summary = sums.score(source, out, rows=rows)
    found = READ[kind](out)
    assert found.columns.tolist() == [*ROWS.columns, "prediction", "error"]
    pd.testing.assert_frame_equal(found[ROWS.columns], ROWS, check_dtype=kind == ".parquet")
    assert found["prediction"].tolist() == ROWS["height"].tolist()
    assert found["error"].isna().all()
    assert (summary.rows, summary.rejected, summary.versions) == (7, 0, ["v1"])
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [source.name, out.name]


def test_rejected_rows_have_the_reason_in_place_of_a_prediction(sums, tmp_path, kind):
    source, out = files(tmp_path, kind, ROWS.assign(width=[None, 0, 0, None, 0, 0, 0]))
    assert sums.score(source, out, rows=3).rejected == 2
    found = READ[kind](out)
    assert found.index[found["error"].notna()].tolist() == [0, 3]
    assert found.loc[3, "error"] == "width: must be a number, not null"
    assert found["prediction"].isna().tolist() == found["error"].notna().tolist()


def test_file_whose_first_rows_are_all_rejected_has_its_columns_all_the_same(serve_over_http, tmp_path, kind):
    sizes = serve_over_http(fitted(SizeClassifier()))
    source, out = files(tmp_path, kind, ROWS.assign(width=[None] * 4 + [20.0] * 3))
    assert sizes.score(source, out, rows=2).rejected == 4
    found = READ[kind](out)
    assert found.columns.tolist()[-4:] == ["prediction", "probability_large", "probability_small", "error"]
    assert found["prediction"].tolist()[4:] == ["large"] * 3
    assert found["probability_small"].tolist()[4:] == [0.25] * 3


def test_prefix_keeps_columns_of_one_name_apart(sums, tmp_path, kind):
    source, out = files(tmp_path, kind, ROWS.assign(prediction=9))
    with pytest.raises(ValueError, match="'prediction' already: choose a prefix"):
        sums.score(source, out)
    assert not out.exists()
    sums.score(source, out, prefix="model_")
    found = READ[kind](out)
    assert found["prediction"].tolist() == [9] * 7
    assert found["model_prediction"].tolist() == ROWS["height"].tolist()


def test_cells_of_csv_stay_as_they_are(sums, tmp_path):
    text = '\ufeffid;"height";width;depth;note\r\n007;1;0;0;"a;""b"\r\n\r\n'
    text += '8;2;0;0;"two\r\nlines"\r\n9;1;2;3;5" pipe\r\n'
    (tmp_path / "rows.csv").write_bytes(text.encode())
    sums.score(tmp_path / "rows.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes().decode() == (
        "id;height;width;depth;note;prediction;error\n"
        '007;1;0;0;"a;""b";1.0;\n'
        '8;2;0;0;"two\r\nlines";2.0;\n'
        '9;1;2;3;"5"" pipe";6.0;\n'
    )


def test_row_of_csv_with_too_few_or_too_many_cells_is_rejected_alone(sums, tmp_path):
    (tmp_path / "rows.csv").write_text("height,width,depth\n1,0\n2,0,0\n3,0,0,0\n")
    assert sums.score(tmp_path / "rows.csv", tmp_path / "out.csv").rejected == 2
    assert (tmp_path / "out.csv").read_text() == (
        "height,width,depth,prediction,error\n"
        '1,0,,,"has 2 values, not 3"\n'
        "2,0,0,2.0,\n"
        '3,0,0,,"has 4 values, not 3"\n'
    )


def test_line_that_is_no_row_is_rejected_alone(sums, tmp_path):
    (tmp_path / "rows.ndjson").write_text('[1, 2, 3]\nnonsense\n5\n\n{"height": 1, "width": 1, "depth": 1}')
    assert sums.score(tmp_path / "rows.ndjson", tmp_path / "out.ndjson").rejected == 2
    reason = "must be a list or an object, not a string"
    assert [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()] == [
        {"features": [1, 2, 3], "prediction": 6.0, "error": None},
        {"line": "nonsense", "prediction": None, "error": reason},
        {"line": "5", "prediction": None, "error": reason},
        {"height": 1, "width": 1, "depth": 1, "prediction": 3.0, "error": None},
    ]


def test_whole_numbers_of_a_line_stay_exact(sums, tmp_path):
    row = {"height": 1, "width": 0, "depth": 0, "id": 2**70}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    sums.score(tmp_path / "rows.jsonl", tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text())["id"] == 2**70


def test_types_of_a_parquet_file_stay_as_they_are(sums, tmp_path):
    source, out = files(tmp_path, ".parquet", ROWS.astype({"id": "int8"}).assign(tags=[["a"]] * 7))
    sums.score(source, out)
    before, after = pq.read_schema(source), pq.read_schema(out)
    assert [after.field(name) for name in before.names] == [before.field(name) for name in before.names]
    assert [str(after.field(name).type) for name in ("prediction", "error")] == ["double", "string"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("rows.csv", b"", "has no header"),
        ("rows.csv", b"height,width\n1,2\n", "lacks the columns depth"),
        ("rows.csv", b"height,width,depth\n1,2,\xff\n", "can't decode byte"),
        ("rows.csv", b"height,width,depth\n1,2," + b"x" * 200_000, "field larger than field limit"),
        ("rows.parquet", b"nonsense", "Parquet"),
        ("rows.xlsx", b"", "must be .csv, .parquet, .ndjson or .jsonl"),
    ],
)
def test_file_that_cannot_be_scored_is_named_and_leaves_nothing(sums, tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(reason)):
        sums.score(tmp_path / name, tmp_path / f"out{name[4:]}")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [name]


@pytest.mark.parametrize("out", ["rows.csv", "out.parquet", "out"])
def test_copy_is_another_file_of_the_same_format(sums, tmp_path, out):
    source, _ = files(tmp_path, ".csv")
    with pytest.raises(ValueError, match=r"must be another file than rows\.csv, with the same extension"):
        sums.score(source, tmp_path / out)


def test_failure_on_the_way_keeps_what_was_there_before(fake, connect, tmp_path):
    (tmp_path / "rows.csv").write_text("a\n1\n2\n3\n")
    (tmp_path / "out.csv").write_text("before")
    first = Reply(document={"columns": {"prediction": [1.0]}, "model_version": "v1"})
    fake.replies = [INFO, KINDS, first, error(500, "internal_error")]
    with pytest.raises(ServerError):  # the request after it is under way by then, and is not tried again
        connect(fake.url, retries=0).score(tmp_path / "rows.csv", tmp_path / "out.csv", rows=1, requests=1)
    assert (tmp_path / "out.csv").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "rows.csv"]


def test_model_whose_outputs_change_on_the_way_is_an_error(fake, connect, tmp_path):
    (tmp_path / "rows.csv").write_text("a\n1\n")
    other = Reply(document={"columns": {"prediction": [1], "probability_0": [1.0]}, "model_version": "v2"})
    fake.replies = [INFO, KINDS, other]
    with pytest.raises(ClientError, match="outputs changed, with version v2"):
        connect(fake.url).score(tmp_path / "rows.csv", tmp_path / "out.csv")


def test_requests_are_those_of_the_file_in_order(fake, connect, tmp_path):
    (tmp_path / "rows.csv").write_text("a\n" + "1\n" * 9)
    answer = Reply(document={"columns": {"prediction": [1.0]}, "model_version": "v1"})
    fake.replies = [INFO, KINDS, *[answer] * 9]
    summary = connect(fake.url).score(tmp_path / "rows.csv", tmp_path / "out.csv", rows=1, requests=3)
    assert summary.rows == 9
    assert [request.body for request in fake.requests[2:]] == [b"a\n1\n"] * 9
    assert len({request.client for request in fake.requests}) <= 4


def test_no_more_is_read_ahead_than_is_worked_on():
    read = []

    def chunks():
        for number in range(100):
            read.append(number)
            yield number, number

    done = 0
    for chunk, result in in_order(chunks(), lambda number: number * 2, 3):
        assert (chunk, result) == (done, 2 * done)
        done += 1
        assert len(read) <= done + 3
    assert done == 100


@pytest.mark.parametrize("installed", [True, False])
def test_progress_is_shown_on_a_terminal_alone(sums, tmp_path, monkeypatch, capsys, installed):
    if not installed:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    source, out = files(tmp_path, ".csv")
    sums.score(source, out)
    assert capsys.readouterr().err == ""
    sums.score(source, out, shown=True)
    shown = capsys.readouterr()
    assert ("rows.csv" in shown.err, "7 rows" in shown.err) == (installed, installed)
    assert shown.out == ""


def test_columns_that_the_model_does_not_know_are_not_sent_with_lines(sums, tmp_path):
    row = {"height": 1, "width": float("nan"), "depth": 0, "tags": [{"a": 1}]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row | {"width": 2}) + "\n" + json.dumps(row))
    assert sums.score(tmp_path / "rows.jsonl", tmp_path / "out.jsonl").rejected == 1
    first, second = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert (first["prediction"], first["tags"]) == (3.0, [{"a": 1}])
    assert second["error"] == "width: must be a number, not null"
