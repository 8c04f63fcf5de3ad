"""Requests to nginx, and what they are answered."""

import json
import socket
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import NamedTuple

from app.api.errors import STATUS
from tests import settings
from tests.services import PATIENCE, wait_until

LIMIT = int(settings.of_compose()["MAX_CONTENT_LENGTH"])
JSON = {"Content-Type": "application/json"}
ROW = json.dumps({"features": [1, 2, 3]})
PREDICTIONS = [
    "/api/predict",
    "/api/predict/batch",
    "/api/predict/fast",
    "/api/models/fraud/predict",
    "/api/models/fraud/predict/batch",
    "/api/models/fraud/predict/fast",
]
TENSOR = {"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}
ROWS, EXAMPLES = {"instances": [[1, 2, 3]]}, {"examples": [{"height": 1, "width": 2, "depth": 3}]}
# Of other servers' protocols: a body for each route.
DIALECTS = {
    "/invocations": ROWS,
    "/models/default/invoke": ROWS,
    "/score": {"data": [[1, 2, 3]]},
    "/v1/models/default:predict": ROWS,
    "/v1/models/default/labels/stable:predict": ROWS,
    "/v1/models/default:classify": EXAMPLES,
    "/v1/models/default/labels/champion:classify": EXAMPLES,
    "/v2/models/default/infer": {"inputs": [TENSOR]},
}


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes

    @property
    def error(self):
        """The body, which must have the shape of the API's errors."""
        document = json.loads(self.body)
        assert set(document) == {"error", "error_type", "details", "request_id"}
        assert document["error_type"] in STATUS
        assert document["request_id"] == self.headers["X-Request-ID"]
        assert self.headers["Content-Type"] == "application/json"
        return document


def received(connection):
    """The answer on a socket."""
    with HTTPResponse(connection) as response:
        response.begin()
        return Answer(response.status, dict(response.headers), response.read())


def sent(proxy, data, source="127.0.0.1"):
    """The answer to these bytes."""
    with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE, (source, 0)) as connection:
        connection.sendall(data)
        return received(connection)


def ask(proxy, method="GET", path="/api/health", body=None, headers=None, source="127.0.0.1"):
    where = HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE, source_address=(source, 0))
    with closing(where) as connection:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())


def logged(server, request_id):
    """The lines of a log with that request id, once there are any."""

    def lines():
        found = [line for line in server.output.read_text().splitlines() if f'"{request_id}"' in line]
        return [json.loads(line) for line in found]

    wait_until(lambda: lines() != [])
    return lines()
