"""A small WSGI application with the prediction routes of other servers: the sum of each row."""

import json
import re

ROUTES = re.compile(
    r"/invocations|/v1/models/boxes:predict|/v2/models/boxes/infer|/v1/models/default:predict"
)
TEXT = [("Content-Type", "application/json")]


def rows_asked(body):
    match body:
        case {"dataframe_split": {"data": rows}} | {"instances": rows}:
            return rows
        case {"dataframe_records": records}:
            return [list(record.values()) for record in records]
        case {"inputs": [{"name": _, "shape": [_, width], "data": data}]}:
            return [data[start : start + width] for start in range(0, len(data), width)]
        case {"inputs": rows}:
            return rows
    raise AssertionError(body)


def answer(path, body):
    if not ROUTES.fullmatch(path):
        return "404 Not Found", {"error": "There is nothing at this address"}
    sums = []
    for row in rows_asked(body):
        if None in row:
            return "400 Bad Request", {"error_code": "BAD_REQUEST", "message": "depth must be a number"}
        sums.append(float(sum(row)))
    if "v2" in path:
        tensor = {"name": "predict", "shape": [len(sums), 1], "datatype": "FP64", "data": sums}
        return "200 OK", {"outputs": [tensor]}
    return "200 OK", {"predictions": sums}


def application(environ, start_response):
    """Answer a request as the dialects do."""
    body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    status, document = answer(environ["PATH_INFO"], body)
    start_response(status, TEXT)
    return [json.dumps(document).encode()]
