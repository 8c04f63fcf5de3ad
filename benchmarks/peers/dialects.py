"""The service through other servers' protocols, and servers that only these comparisons need."""

from dataclasses import replace

from benchmarks.bodies import (
    ARROW,
    TENSOR_HEADER,
    arrow,
    arrow_numbers,
    binary_tensors,
    keyed,
    open_inference,
    tensor_numbers,
)
from benchmarks.peers import MODEL_LIBRARIES, PEERS, Peer

SERVICE, MLSERVER, MLFLOW = PEERS["service"], PEERS["mlserver"], PEERS["mlflow"]
BINARY = {
    "Content-Type": "application/octet-stream",
    "Inference-Header-Content-Length": str(TENSOR_HEADER),
}

V2 = replace(
    SERVICE,
    name="service_v2",
    title="this service, Open Inference Protocol",
    encode=open_inference("default", "predict_proba"),
)
V2_BINARY = replace(
    SERVICE,
    name="service_v2_binary",
    title="this service, binary tensors",
    encode=binary_tensors("default", "predict_proba"),
    decode=tensor_numbers,
    headers={**SERVICE.headers, **BINARY},
)
ARROW_STREAMS = replace(
    SERVICE,
    name="service_arrow",
    title="this service, Arrow",
    encode=arrow,
    decode=arrow_numbers,
    headers={**SERVICE.headers, "Content-Type": ARROW, "Accept": ARROW},
)
INVOCATIONS = replace(
    SERVICE,
    name="service_invocations",
    title="this service, MLflow",
    encode=keyed("/invocations", "inputs"),
    method="predict",
)
V1 = replace(
    SERVICE,
    name="service_v1",
    title="this service, KServe V1",
    encode=keyed("/v1/models/default:predict", "instances"),
    method="predict",
)
KSERVE = Peer(
    name="kserve",
    title="KServe",
    requirements=("kserve==0.21.0", *MODEL_LIBRARIES),
    command=("{python}", "server.py", "--http_port", "{port}", "--workers", "{workers}"),
    encode=keyed("/v1/models/model:predict", "instances"),
)
