"""pandas and pyarrow read the answers of the service, and it reads what they write."""

import io

import pandas as pd
import pyarrow as pa
import pytest

from tests.clients import fitted_models
from tests.clients.comparison import assert_people

pytestmark = pytest.mark.server

PREDICT = "/api/models/people/predict/batch"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
PARQUET, OLD_PARQUET = "application/vnd.apache.parquet", "application/x-parquet"


def written(kind):
    """The people as pandas or pyarrow write them."""
    frame, sink = fitted_models.asked_people(), io.BytesIO()
    if kind.startswith("text/csv"):
        return frame.to_csv(index=False).encode()
    if kind in (PARQUET, OLD_PARQUET):
        frame.to_parquet(sink)
        return sink.getvalue()
    table = pa.Table.from_pandas(frame)
    new = pa.ipc.new_stream if kind == STREAM else pa.ipc.new_file
    with new(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


READERS = {
    "text/csv": lambda body: pd.read_csv(io.BytesIO(body)),
    PARQUET: lambda body: pd.read_parquet(io.BytesIO(body)),
    OLD_PARQUET: lambda body: pd.read_parquet(io.BytesIO(body)),
    STREAM: lambda body: pa.ipc.open_stream(body).read_pandas(),
    FILE: lambda body: pa.ipc.open_file(body).read_pandas(),
}


@pytest.mark.parametrize("accepted", READERS)
@pytest.mark.parametrize("sent", ["text/csv; header=present", PARQUET, OLD_PARQUET, STREAM, FILE])
def test_rows_go_in_one_format_and_come_out_in_another(service, sent, accepted):
    headers = {"Content-Type": sent, "Accept": accepted}
    answer = service.post(PREDICT, data=written(sent), headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].partition(";")[0] == accepted
    found = READERS[accepted](answer.content)
    assert_people(found["prediction"], found[["probability_<=50K", "probability_>50K"]])


def test_json_goes_in_and_a_data_frame_comes_out(service):
    body = {"samples": fitted_models.people_records()}
    answer = service.post(PREDICT, json=body, headers={"Accept": STREAM})
    assert answer.status_code == 200, answer.text
    assert_people(pa.ipc.open_stream(answer.content).read_pandas()["prediction"])


def test_ten_thousand_rows_are_one_request(service):
    frame = pd.DataFrame(fitted_models.flower_rows(fitted_models.MANY), columns=fitted_models.NAMES)
    table, sink = pa.Table.from_pandas(frame), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"Content-Type": STREAM, "Accept": STREAM}
    answer = service.post("/api/predict/batch", data=sink.getvalue(), headers=headers)
    assert answer.status_code == 200, answer.text
    assert pa.ipc.open_stream(answer.content).read_all().num_rows == fitted_models.MANY
