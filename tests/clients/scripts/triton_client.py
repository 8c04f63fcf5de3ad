"""What NVIDIA's ``tritonclient.http`` gets from a server of the Open Inference Protocol."""

from collections.abc import Callable
from typing import Any

import numpy as np
from steps import given, run
from tritonclient import http
from tritonclient.utils import InferenceServerException

client = http.InferenceServerClient(given["address"])
rows, people = np.array(given["rows"]), given["people"]


def matrix(*, binary: bool, kind: type = np.float64, columns: int | None = None) -> list[http.InferInput]:
    """The rows as one tensor of FP64 or FP32."""
    array = rows[:, :columns].astype(kind)
    tensor = http.InferInput("rows", list(array.shape), "FP64" if kind is np.float64 else "FP32")
    return [tensor.set_data_from_numpy(array, binary_data=binary)]


def frame(*, binary: bool) -> list[http.InferInput]:
    """A tensor (n, 1) for each column of the people: FP64, INT64 or BYTES."""
    tensors = []
    for name, (datatype, values) in people.items():
        kind = {"FP64": np.float64, "INT64": np.int64, "BYTES": np.object_}[datatype]
        array = np.array(values, dtype=kind)[:, None]
        tensor = http.InferInput(name, list(array.shape), datatype)
        tensors.append(tensor.set_data_from_numpy(array, binary_data=binary))
    return tensors


def wanted(*names: str, binary: bool) -> list[http.InferRequestedOutput]:
    return [http.InferRequestedOutput(name, binary_data=binary) for name in names]


def answer(inputs: list[http.InferInput], model: str = "default", **options: Any) -> dict[str, Any]:
    """The response as the client hands it out: its document, and each output as an array."""
    result = client.infer(model, inputs, **options)
    document = result.get_response()
    outputs = {}
    for output in document["outputs"]:
        array = result.as_numpy(output["name"])
        values = [v.decode() if isinstance(v, bytes) else v for v in array.ravel().tolist()]
        binary = "binary_data_size" in output.get("parameters", {})
        about = {"datatype": output["datatype"], "shape": output["shape"], "binary": binary}
        outputs[output["name"]] = {"data": values, **about}
    return {"outputs": outputs} | {k: document.get(k) for k in ("id", "model_name", "model_version")}


def rejected(ask: Callable[[], Any]) -> dict[str, Any]:
    """How the client reports what the server refuses."""
    try:
        ask()
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    return {"status": "200", "message": ""}


def ready_in_every_worker(model: str) -> bool:
    """Whether it is ready over many connections, which reach all workers."""
    found = []
    for _ in range(20):
        with http.InferenceServerClient(given["address"]) as another:
            found.append(another.is_model_ready(model))
    return all(found)


def at_once(number: int) -> list[str]:
    """The ids that come back for requests over four connections."""
    with http.InferenceServerClient(given["address"], concurrency=4) as several:
        rows = matrix(binary=True)
        asked = [several.async_infer("default", rows, request_id=str(each)) for each in range(number)]
        return [pending.get_result().get_response()["id"] for pending in asked]


def loaded() -> bool:
    client.load_model("people")
    return ready_in_every_worker("people")


version, pd = given["version"], {"content_type": "pd"}
in_json, in_binary = matrix(binary=False), matrix(binary=True)
both, proba = ("predict", "predict_proba"), wanted("predict_proba", binary=True)
mixed = wanted("predict", binary=False) + proba
run(
    {
        "health": lambda: [
            client.is_server_live(),
            client.is_server_ready(),
            client.is_model_ready("default"),
        ],
        "health_of_versions": lambda: [
            client.is_model_ready("default", each) for each in (version, "no-such")
        ],
        "server_metadata": client.get_server_metadata,
        "model_metadata": lambda: client.get_model_metadata("default"),
        "version_metadata": lambda: client.get_model_metadata("default", version),
        "people_metadata": lambda: client.get_model_metadata("people"),
        "json_unnamed": lambda: answer(in_json),
        "json_named": lambda: answer(in_json, outputs=wanted(*both, binary=False)),
        "binary_unnamed": lambda: answer(in_binary, request_id="of-the-client"),
        "binary_named": lambda: answer(in_binary, outputs=wanted(*reversed(both), binary=True)),
        "binary_in_json_out": lambda: answer(in_binary, outputs=wanted("predict_proba", binary=False)),
        "one_output_of_each_kind": lambda: answer(in_json, outputs=mixed),
        "single_precision": lambda: answer(matrix(binary=True, kind=np.float32), outputs=proba),
        "of_version": lambda: answer(in_binary, model_version=version, outputs=proba),
        "gzip": lambda: answer(in_binary, outputs=proba, request_compression_algorithm="gzip"),
        "deflate": lambda: answer(in_binary, outputs=proba, request_compression_algorithm="deflate"),
        "people_binary": lambda: answer(
            frame(binary=True), "people", outputs=wanted(*both, binary=True), parameters=pd
        ),
        # The client writes missing numbers as NaN, which is no JSON.
        "people_json": lambda: answer(
            frame(binary=False), "people", outputs=wanted(*both, binary=False), parameters=pd
        ),
        "at_once": lambda: at_once(8),
        "unknown_model": lambda: rejected(lambda: client.infer("no-such-model", in_binary)),
        "unknown_version": lambda: rejected(lambda: answer(in_binary, model_version="no-such")),
        "unknown_output": lambda: rejected(lambda: answer(in_binary, outputs=wanted("no", binary=True))),
        "too_few_columns": lambda: rejected(lambda: answer(matrix(binary=True, columns=2))),
        "statistics": lambda: client.get_inference_statistics("default"),
        "statistics_of_all": client.get_inference_statistics,
        "repository": client.get_model_repository_index,
        "unloaded": lambda: rejected(lambda: client.unload_model("people")),
        "still_served": lambda: answer(frame(binary=True), "people"),
        "loaded": loaded,
    }
)
