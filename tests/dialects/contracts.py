"""Every call of every dialect: how it encodes rows, where it sends them, and how its answer is read.

This table is what the dialects promise to have in common; docs/dialects.md shows what comes of it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.dialects import answers, rows
from tests.dialects.rows import Rows

JSON, CSV, NPY, NDJSON = "application/json", "text/csv", "application/x-npy", "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
MODEL = "{model}"
TARGET = "X-Amzn-SageMaker-Target-Model"

# From rows and the output that is asked for to what a client sends, as arguments of `FlaskClient.open`.
Encode = Callable[[Rows, str], dict[str, Any]]


@dataclass(frozen=True)
class Contract:
    """``call``: method and path, ``{model}`` in it the model's name. ``names``: columns have names.
    ``ragged``: rows may differ in length. ``typed``: a column has one type. ``judged``: the type that the
    body is said to have matters. ``classes_alone``: models of one class a row answer, with texts."""

    dialect: str
    call: str
    body: str
    encode: Encode
    read: Callable[[TestResponse, str], list[Any]]
    error: Callable[[TestResponse], str]
    names: bool = False
    ragged: bool = False
    typed: bool = False
    judged: bool = True
    classes_alone: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def named_model(self) -> bool:
        """Whether the call says which model it is for."""
        return any(MODEL in text for text in (self.call, *self.headers.values()))

    def send(
        self,
        client: FlaskClient,
        asked: Rows,
        *,
        output: str = "predict",
        model: str = "default",
        **other: Any,
    ) -> TestResponse:
        """Send rows; ``other`` replaces what else would be sent.

        :raises CannotSay: if the body cannot hold them.
        """
        method, path = self.call.replace(MODEL, model).split(" ")
        sent = self.encode(asked, output) | other
        own = {name: value.replace(MODEL, model) for name, value in self.headers.items()}
        return client.open(path, method=method, **sent | {"headers": own | sent.get("headers", {})})


def document(layout: Callable[[Rows], Any], member: str | None = None, **others: Any) -> Encode:
    """A body of JSON, or its member, in a layout; ``others`` are members made of the output's name."""

    def encode(asked: Rows, output: str) -> dict[str, Any]:
        found = layout(asked)
        if member is not None:
            found = {member: found} | {name: make(output) for name, make in others.items()}
        return {"data": json.dumps(found), "content_type": JSON}

    return encode


def table(
    encode: Callable[[Rows], bytes], media_type: str, *, asks: str = "query", accept: bool = False
) -> Encode:
    """A body of another format; the output is asked for in the query, or in a header of SageMaker's."""

    def sent(asked: Rows, output: str) -> dict[str, Any]:
        headers = {"Accept": media_type.partition(";")[0]} if accept else {}
        found = {"data": encode(asked), "content_type": media_type}
        if asks == "query":
            return found | {"headers": headers, "query_string": {"outputs": output}}
        return found | {"headers": headers | {asks: f"outputs={output}"}}

    return sent


def queried(encode: Encode) -> Encode:
    """The same with the output in the query."""
    return lambda asked, output: encode(asked, output) | {"query_string": {"outputs": output}}


def of_type(content_type: str, encode: Encode) -> Encode:
    """The same with another type of the body."""
    return lambda asked, output: encode(asked, output) | {"content_type": content_type}


def attributed(encode: Encode) -> Encode:
    """The same with the output in the header that SageMaker passes on."""
    return lambda asked, output: encode(asked, output) | {"headers": {ATTRIBUTES: f"outputs={output}"}}


ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
BATCH = "POST /api/predict/batch"


def native_api() -> Iterator[Contract]:
    """Formats go both ways: the answer is in the format of the body."""
    told = answers.native_error
    for call in (BATCH, f"POST /api/models/{MODEL}/predict/batch"):
        json_rows = queried(document(rows.lists, "samples"))
        yield Contract("native", call, "JSON, lists", json_rows, answers.native, told, ragged=True)
    named = {"error": told, "names": True}
    json_records = queried(document(rows.records, "samples"))
    yield Contract("native", BATCH, "JSON, objects", json_records, answers.native, ragged=True, **named)
    lines = table(rows.ndjson, NDJSON, accept=True)
    yield Contract("native", BATCH, "NDJSON, lists", lines, answers.ndjson_results, told, ragged=True)
    lines = table(rows.ndjson_records, NDJSON, accept=True)
    yield Contract("native", BATCH, "NDJSON, objects", lines, answers.ndjson_results, ragged=True, **named)
    header = table(rows.csv_with_header, f"{CSV}; header=present", accept=True)
    yield Contract("native", BATCH, "CSV, header", header, answers.csv_with_header, ragged=True, **named)
    plain = table(rows.csv_rows, f"{CSV}; header=absent", accept=True)
    yield Contract("native", BATCH, "CSV, no header", plain, answers.csv_with_header, told, ragged=True)
    for body, encode, media_type, read in (
        ("Parquet", rows.parquet, PARQUET, answers.parquet),
        ("Arrow stream", rows.arrow_stream, STREAM, answers.arrow_stream),
        ("Arrow file", rows.arrow_file, FILE, answers.arrow_file),
    ):
        sent = table(encode, media_type, accept=True)
        yield Contract("native", BATCH, body, sent, read, typed=True, **named)
    array = table(rows.npy, NPY, accept=True)
    yield Contract("native", BATCH, "npy", array, answers.npy, told, typed=True)


def open_inference() -> Iterator[Contract]:
    def asking(inputs: Callable[[Rows], Any]) -> Encode:
        return document(inputs, "inputs", outputs=lambda output: [{"name": output}])

    def asking_raw(inputs: Callable[[Rows], Any]) -> Encode:
        wanted = {"parameters": {"binary_data": True}}
        return lambda asked, output: rows.raw(inputs(asked), {"outputs": [{"name": output, **wanted}]})

    call, told = f"POST /v2/models/{MODEL}/infer", answers.error_in("error")
    for body, inputs, names in (
        ("one matrix", rows.matrix, False),
        ("a tensor a column", rows.tensors, True),
    ):
        shared = {"error": told, "names": names, "judged": False}
        yield Contract("V2", call, f"JSON, {body}", asking(inputs), answers.tensor, **shared)
        yield Contract(
            "V2", call, f"raw, {body}", asking_raw(inputs), answers.raw_tensor, typed=True, **shared
        )


def mlflow() -> Iterator[Contract]:
    call, told, read = "POST /invocations", answers.mlflow_error, answers.member("predictions")

    def asking(layout: Callable[[Rows], Any], member: str) -> Encode:
        return document(layout, member, params=lambda output: {"outputs": output})

    for member, layout, names, ragged in (
        ("dataframe_split", rows.split, True, True),
        ("dataframe_records", rows.records, True, True),
        ("instances", rows.lists, False, True),
        ("inputs", rows.lists, False, True),
        ("inputs", rows.columns, True, False),
    ):
        body = f"JSON, `{member}`{' by column' if layout is rows.columns else ''}"
        yield Contract("MLflow", call, body, asking(layout, member), read, told, names=names, ragged=ragged)
    header = table(rows.csv_with_header, CSV)
    yield Contract("MLflow", call, "CSV, header", header, read, answers.mlflow_error, names=True, ragged=True)
    for body, encode, media_type in (
        ("Parquet", rows.parquet, PARQUET),
        ("Arrow stream", rows.arrow_stream, STREAM),
    ):
        yield Contract("MLflow", call, body, table(encode, media_type), read, told, names=True, typed=True)

    for name, layout in (("split", rows.split), ("records", rows.records)):
        sent = of_type(f"{JSON}; format=pandas-{name}", queried(document(layout)))
        body = f"JSON, `format=pandas-{name}`"
        yield Contract("MLflow", call, body, sent, answers.member(), told, names=True, ragged=True)


def sagemaker() -> Iterator[Contract]:
    call, told = "POST /invocations", answers.invocation_error
    samples = queried(document(rows.lists, "samples"))
    yield Contract("SageMaker", call, "JSON, `samples`", samples, answers.native, told, ragged=True)
    plain = table(rows.csv_rows, CSV, asks=ATTRIBUTES)
    yield Contract("SageMaker", call, "CSV, no header", plain, answers.csv_rows, told, ragged=True)
    listed = attributed(document(rows.lists))
    yield Contract("SageMaker", call, "JSON, a list of lists", listed, answers.member(), told, ragged=True)
    listed = attributed(document(rows.records))
    yield Contract(
        "SageMaker", call, "JSON, a list of objects", listed, answers.member(), told, names=True, ragged=True
    )
    lines = table(rows.ndjson, "application/jsonlines", asks=ATTRIBUTES)
    yield Contract("SageMaker", call, "NDJSON", lines, answers.ndjson_values, told, ragged=True)
    array = table(rows.npy, NPY, asks=ATTRIBUTES)
    yield Contract("SageMaker", call, "npy", array, answers.npy, told, typed=True)
    instances, read = attributed(document(rows.lists, "instances")), answers.member("predictions")
    path = f"POST /models/{MODEL}/invoke"
    yield Contract("SageMaker", path, "JSON, `instances`", instances, read, answers.native_error, ragged=True)
    target = {"headers": {TARGET: f"{MODEL}.tar.gz"}, "ragged": True}
    body = f"JSON, `instances`, and `{TARGET}`"
    yield Contract("SageMaker", call, body, instances, read, told, **target)


def vertex() -> Iterator[Contract]:
    call, told, read = "POST /predict", answers.error_in("error"), answers.member("predictions")
    for body, layout, names in (("lists", rows.lists, False), ("objects", rows.records, True)):
        sent = document(layout, "instances", parameters=lambda output: {"predict_method": output})
        yield Contract("Vertex AI", call, f"`instances`, {body}", sent, read, told, names=names, ragged=True)


def azure() -> Iterator[Contract]:
    call, told = "POST /score", answers.error_in("message")

    def asking(layout: Callable[[Rows], Any], member: str) -> Encode:
        return document(layout, member, method=lambda output: output)

    for member, body, layout, names, ragged in (
        ("data", "lists", rows.lists, False, True),
        ("data", "objects", rows.records, True, True),
        ("data", "by column", rows.columns, True, False),
        ("input_data", "`columns` and `data`", rows.split, True, True),
    ):
        read = answers.member("result") if member == "data" else answers.member()
        sent = asking(layout, member)
        shared = {"names": names, "ragged": ragged, "judged": False}
        yield Contract("Azure ML", call, f"`{member}`, {body}", sent, read, told, **shared)
    inputs = document(
        lambda asked: {"data": rows.records(asked)},
        "Inputs",
        GlobalParameters=lambda output: {"method": output},
    )
    shared = {"names": True, "ragged": True, "judged": False}
    yield Contract("Azure ML", call, "`Inputs`, objects", inputs, answers.member("Results"), told, **shared)


def tf_serving() -> Iterator[Contract]:
    told = {"error": answers.error_in("error"), "judged": False}

    def asking(layout: Callable[[Rows], Any], member: str) -> Encode:
        return document(layout, member, signature_name=lambda output: output)

    call, read = f"POST /v1/models/{MODEL}:predict", answers.member("predictions")
    for body, layout, names in (("lists", rows.lists, False), ("objects", rows.records, True)):
        sent = asking(layout, "instances")
        yield Contract(
            "TF Serving", call, f"`instances`, {body}", sent, read, names=names, ragged=True, **told
        )
    read = answers.member("outputs")
    sent = asking(rows.lists, "inputs")
    yield Contract("TF Serving", call, "`inputs`, lists", sent, read, ragged=True, **told)
    sent = asking(rows.columns, "inputs")
    yield Contract("TF Serving", call, "`inputs`, by column", sent, read, names=True, **told)
    path, sent = f"POST /v1/models/{MODEL}:classify", document(rows.records, "examples")
    shared = {"names": True, "ragged": True, "classes_alone": True}
    yield Contract("TF Serving", path, "`examples`", sent, answers.best_label, **shared, **told)
    lists_of_columns = asking(lambda asked: [rows.columns(asked)], "instances")
    read = answers.member("predictions")
    body = "`instances`, an object of lists"
    yield Contract("KServe V1", call, body, lists_of_columns, read, names=True, **told)


CONTRACTS = (
    *native_api(),
    *open_inference(),
    *mlflow(),
    *sagemaker(),
    *vertex(),
    *azure(),
    *tf_serving(),
)
