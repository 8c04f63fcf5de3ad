"""What KServe's ``InferenceRESTClient`` gets from a server of its protocols V1 and V2."""

from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import InferResponse, RequestedOutput
from steps import given, run

base, rows, people = given["base"], np.array(given["rows"]), given["people"]
v1, v2 = (InferenceRESTClient(RESTConfig(protocol=protocol)) for protocol in ("v1", "v2"))


def matrix(*, binary: bool) -> list[InferInput]:
    """The rows as one tensor; binary is the client's default."""
    tensor = InferInput("rows", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return [tensor]


def frame() -> list[InferInput]:
    """A tensor (n,) for each column of the people, as lists, in which the client writes NaN as null."""
    return [
        InferInput(name, [len(values)], datatype, data=values) for name, (datatype, values) in people.items()
    ]


def shown(response: InferResponse) -> dict[str, Any]:
    """The response as the client hands it out."""
    outputs = {}
    for output in response.outputs:
        values = output.as_numpy().ravel().tolist()
        data = [value.decode() if isinstance(value, bytes) else value for value in values]
        outputs[output.name] = {"data": data, "datatype": output.datatype, "shape": output.shape}
    return {"outputs": outputs, "id": response.id, "model_name": response.model_name}


async def answer(inputs: list[InferInput], model: str = "default", **options: Any) -> dict[str, Any]:
    request = InferRequest(model, inputs, request_id="of-the-client", **options)
    return shown(await v2.infer(base, request, model_name=model))


async def rejected(client: InferenceRESTClient, data: Any, model: str = "default") -> dict[str, Any]:
    """How the client reports what the server refuses."""
    try:
        await client.infer(base, data, model_name=model)
    except httpx.HTTPStatusError as error:
        return {"status": error.response.status_code, "message": str(error)}
    return {"status": 200, "message": ""}


async def v2_health() -> list[bool]:
    ready = await v2.is_model_ready(base, "default")
    return [await v2.is_server_live(base), await v2.is_server_ready(base), ready]


instances, narrow = {"instances": rows.tolist()}, [InferInput("rows", [1, 1], "FP64", data=[1.0])]
in_json, in_binary = matrix(binary=False), matrix(binary=True)
predict, proba = RequestedOutput("predict"), RequestedOutput("predict_proba")
proba_in_json = RequestedOutput("predict_proba", {"binary_data": False})
binary, pd = {"binary_data_output": True}, {"content_type": "pd"}
run(
    {
        "v1_live": lambda: v1.is_server_live(base),
        "v1_model_ready": lambda: v1.is_model_ready(base, "default"),
        "v1_rows": lambda: v1.infer(base, instances, model_name="default"),
        "v1_records": lambda: v1.infer(base, {"instances": given["records"]}, model_name="people"),
        "v1_unknown_model": lambda: rejected(v1, instances, "no-such-model"),
        "v2_health": v2_health,
        "v2_unknown_model_is_ready": lambda: v2.is_model_ready(base, "no-such-model"),
        "v2_binary": lambda: answer(in_binary),
        "v2_json": lambda: answer(in_json),
        "v2_named": lambda: answer(in_binary, request_outputs=[proba]),
        "v2_binary_outputs": lambda: answer(
            in_binary, request_outputs=[predict, proba_in_json], parameters=binary
        ),
        "v2_people": lambda: answer(frame(), "people", request_outputs=[predict, proba], parameters=pd),
        "v2_unknown_model": lambda: rejected(v2, InferRequest("no-such-model", in_binary), "no-such-model"),
        "v2_wrong_shape": lambda: rejected(v2, InferRequest("default", narrow)),
    }
)
