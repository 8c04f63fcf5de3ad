"""Hooks of schemathesis: what valid requests are that no JSON Schema can say. No check is left out.

Runs in schemathesis' own environment; ``TABLES`` names a folder with a valid body of each format.
"""

import json
import os
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

# A model computes with a number, squares it, adds it to others: 1e308 is a valid cell in a row that no model
# answers, which the service says with 400, and no keyword says for how large a number that is so.
LARGEST = 1e6
WHOLE = 99.0  # below 100, which rounded shares may exceed
LONGEST_QUERY = 2_000  # characters of rows: an address has 4,094 bytes
NPY = "application/x-npy"

for path in Path(os.environ["TABLES"]).iterdir():
    schemathesis.openapi.media_type(path.name.replace("_", "/", 1), st.just(path.read_bytes()))


@schemathesis.hook
def before_call(context, case, kwargs):
    """Mend valid requests; those that are meant to be wrong stay so."""
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    query = case.query or {}
    if case.path == "/score" and case.method == "GET" and "data" in query:
        query["data"] = rows_of_query(query["data"]) if positive else query["data"][:LONGEST_QUERY]
    if not positive:
        return
    if isinstance(query.get("outputs"), str):
        one = case.media_type == NPY  # which holds one output
        query["outputs"] = query["outputs"].partition(",")[0] if one else query["outputs"]
    if isinstance(case.body, (dict, list)):
        case.body = mended(case.body)


def rows_of_query(text):
    """As many rows as an address holds."""
    rows = mended(json.loads(text))
    while len(json.dumps(rows)) > LONGEST_QUERY and len(rows) > 1:
        rows = rows[:-1]
    return json.dumps(rows)


def mended(value):
    """Numbers of moderate size, columns of equal length, shares that sum to 100 at most."""
    if isinstance(value, float) and abs(value) > LARGEST:
        return value % LARGEST
    if isinstance(value, list):
        return [mended(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: mended(each) for name, each in value.items()}
    if found and all(isinstance(each, list) for each in found.values()):
        shortest = min(map(len, found.values()))
        found = {name: each[:shortest] for name, each in found.items()}
    if isinstance(shares := found.get("shares"), dict) and found.get("mode") == "ab":
        found["shares"] = {name: WHOLE / len(shares) for name in shares}
    return found
