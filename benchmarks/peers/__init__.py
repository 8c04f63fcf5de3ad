"""Table of the servers: one entry per server, with everything that is particular to it.

All serve the same pickled pipeline with equal numbers of workers and one arithmetic thread each, and answer
with class probabilities. Peers evaluate the model once per request (only ``plain_flask`` does so twice, as
tutorials do), and have access logs and metrics off wherever a setting allows it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.bodies import Rows, json_numbers, keyed, native, open_inference

# Pins of every peer, because all load files that one scikit-learn wrote.
MODEL_LIBRARIES = ("scikit-learn==1.9.1", "numpy==2.4.6", "joblib==1.6.0")
FASTAPI = ("fastapi==0.165.0", "uvicorn[standard]==0.54.0")
UVICORN = (
    *("{bin}/uvicorn", "app:app", "--host", "127.0.0.1", "--port", "{port}"),
    *("--workers", "{workers}", "--no-access-log", "--log-level", "warning"),
)
PUBLISH = ("{python}", "-m", "benchmarks.peers.service.publish", "{models}", "{work}/store")
GUNICORN_COMMAND = ("{python}", "-m", "gunicorn", "-c", "gunicorn.conf.py", "run:app")
KEY = "key-of-the-benchmark"
# As in production: keys, limits (out of reach, because a rejection voids the row), logs and metrics.
SERVICE_ENVIRONMENT = {
    "APP_ENV": "production",
    "HOST": "127.0.0.1",
    "PORT": "{port}",
    "WORKERS": "{workers}",
    "MODELS_DIR": "{work}/store",
    "MAX_BATCH_SIZE": "10000",
    "MAX_CONTENT_LENGTH": "50000000",
    "API_KEY_1": KEY,
    "RATE_LIMIT": "1000000000/minute",
}
# Everything that a setting can switch off, which metrics cannot.
EVERYTHING_OFF = {
    **{name: value for name, value in SERVICE_ENVIRONMENT.items() if name != "API_KEY_1"},
    "AUTH_DISABLED": "true",
    "RATE_LIMIT": "",
    "MAX_IN_FLIGHT": "0",
    "LOG_LEVEL": "ERROR",
    "OUTLIER_POLICY": "off",
}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One server under measurement.

    ``command``, ``prepare`` and the values of ``environment`` may hold ``{python}``, ``{bin}`` (the
    folder of its commands), ``{port}``, ``{spare_port}``, ``{workers}``, ``{models}`` (the folder of
    the pickled model) and ``{work}`` (a folder of its own for each model).
    """

    name: str
    title: str
    command: tuple[str, ...]
    encode: Callable[[Rows], tuple[str, Any]]
    """Turns rows into the path of a request and its body: bytes, or a document for JSON."""
    decode: Callable[[bytes], Any] = json_numbers
    """Turns the body of an answer into its numbers, those of a row one after the other."""
    method: Literal["predict_proba", "predict"] = "predict_proba"
    """What it answers with."""
    requirements: tuple[str, ...] = ()
    """Exact pins of its virtual environment; without any it runs in the project's own, from its root."""
    prepare: tuple[str, ...] = ()
    """Command before the first start with each model."""
    environment: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request, beside or instead of that for JSON."""

    def request(self, rows: Rows) -> tuple[str, bytes]:
        """The path and body of a request."""
        path, body = self.encode(rows)
        return path, body if isinstance(body, bytes) else json.dumps(body).encode()


SERVICES = (
    Peer(
        name="service",
        title="this service, gunicorn",
        prepare=PUBLISH,
        command=GUNICORN_COMMAND,
        environment=SERVICE_ENVIRONMENT,
        headers={"X-API-Key": KEY},
        encode=native,
    ),
    Peer(
        name="service_everything_off",
        title="this service, everything off",
        prepare=PUBLISH,
        command=GUNICORN_COMMAND,
        environment=EVERYTHING_OFF,
        encode=native,
    ),
    Peer(
        name="service_granian",
        title="this service, Granian",
        prepare=PUBLISH,
        command=("{python}", "granian_server.py"),
        environment=SERVICE_ENVIRONMENT,
        headers={"X-API-Key": KEY},
        encode=native,
    ),
)

OTHERS = (
    Peer(
        name="plain_flask",
        title="plain Flask",
        requirements=("Flask==3.1.3", "marshmallow==4.4.0", "gunicorn==27.0.1", *MODEL_LIBRARIES),
        command=("{bin}/gunicorn", "-b", "127.0.0.1:{port}", "-w", "{workers}", "app:app"),
        encode=native,
    ),
    Peer(
        name="fastapi_sklearn",
        title="FastAPI + scikit-learn",
        requirements=(*FASTAPI, *MODEL_LIBRARIES),
        command=UVICORN,
        encode=native,
    ),
    Peer(
        name="fastapi_onnx",
        title="FastAPI + onnxruntime",
        requirements=(*FASTAPI, "onnxruntime==1.32.0", "skl2onnx==1.20.0", *MODEL_LIBRARIES),
        prepare=("{python}", "convert.py"),
        command=UVICORN,
        encode=native,
    ),
    Peer(
        name="mlserver",
        title="MLServer",
        # MLServer does not start with newer uvloop and uvicorn than these two pins.
        requirements=(
            *("mlserver==1.7.1", "mlserver-sklearn==1.7.1", "uvloop==0.21", "uvicorn==0.34.2"),
            *MODEL_LIBRARIES,
        ),
        command=("{bin}/mlserver", "start", "."),
        environment={
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{spare_port}",
            "MLSERVER_PARALLEL_WORKERS": "{workers}",
        },
        encode=open_inference("model", "predict_proba"),
    ),
    Peer(
        name="bentoml",
        title="BentoML",
        requirements=("bentoml==1.4.39", *MODEL_LIBRARIES),
        command=(
            *("{bin}/bentoml", "serve", "service:Predictor"),
            *("--host", "127.0.0.1", "--port", "{port}"),
        ),
        environment={
            "BENCHMARK_WORKERS": "{workers}",
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": "{work}/home",
        },
        encode=keyed("/predict", "rows"),
    ),
    Peer(
        name="litserve",
        title="LitServe",
        requirements=("litserve==0.2.19", *MODEL_LIBRARIES),
        command=("{python}", "server.py", "{port}", "{workers}"),
        encode=keyed("/predict", "rows"),
    ),
    Peer(
        name="mlflow",
        title="MLflow",
        requirements=("mlflow==3.17.2", *MODEL_LIBRARIES),
        command=(
            *("{bin}/mlflow", "models", "serve", "-m", ".", "--env-manager", "local"),
            *("--host", "127.0.0.1", "--port", "{port}", "--workers", "{workers}"),
        ),
        environment={"MLFLOW_DISABLE_TELEMETRY": "true"},
        encode=keyed("/invocations", "inputs"),
    ),
)

PEERS = {peer.name: peer for peer in (*SERVICES, *OTHERS)}
