"""Requests that are much work for their size, or large: others do not notice, and memory stays bounded."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.drills.attackers import CHUNKED, attackers, one_by_one, post, together
from tests.drills.forest import publish_forest
from tests.drills.others import PROMISED
from tests.drills.traffic import milliseconds
from tests.services import gunicorn

pytestmark = pytest.mark.drill


@pytest.fixture(scope="module")
def wide_service(tmp_path_factory):
    """A model of 2,000 columns beside the forest that others ask, and bodies of 10 MB are read."""
    directory = tmp_path_factory.mktemp("wide")
    root = publish_forest(directory / "models")
    columns = [f"column_{number}" for number in range(2000)]
    data = pd.DataFrame(np.random.default_rng(0).uniform(0, 1, (50, 2000)), columns=columns)
    store = ModelStore(root / "wide")
    publish(store, LogisticRegression().fit(data, np.arange(50) % 2), sample=data, version="wide")
    store.activate("wide")
    variables = {"MODELS_DIR": root, "WORKERS": 2, "LOG_LEVEL": "CRITICAL", "MAX_CONTENT_LENGTH": 10_000_000}
    with gunicorn(directory, **variables) as service:
        yield service


UNKNOWN = {f"columm_{number}_of_another_table_{number}"[:38]: 0.5 for number in range(100)}
# Small bodies for which a model of 2,000 columns could take long: each row asks for an error of its own.
EXPENSIVE = {
    "100 unknown names for 2,000 columns": (b"predict", {"features": UNKNOWN}),
    "100 rows that each lack 2,000 columns": (b"predict/batch?errors=rows", {"samples": [{"a": 1}] * 100}),
}


@pytest.mark.parametrize("what", EXPENSIVE)
def test_small_bodies_that_ask_for_many_errors_hold_up_nobody(wide_service, endured, length, figure, what):
    path, document = EXPENSIVE[what]
    body = json.dumps(document).encode()
    request = post(path=b"/api/models/wide/" + path, body=body)
    with (
        endured(wide_service, f"{what}, 5 a second"),
        attackers(one_by_one, wide_service.port, [request], 5) as attack,
    ):
        tally = attack.wait(length(3, 30))
    refused = f"{what}, a body of {len(body):,} bytes: until refused"
    figure("attacks", refused, milliseconds(tally.longest), milliseconds(PROMISED))
    assert set(tally.answers) == {"400"}


SIZE = 9_900_000
LARGE = {
    "numbers": b'{"features": [' + b"1.5, " * (SIZE // 5) + b"1]}",
    "rows": b'{"samples": [' + b"[1, 1, 1], " * (SIZE // 11) + b"[1, 1, 1]]}",
    "a name": b'{"features": {"' + b"x" * SIZE + b'": 1}}',
    "lists": b'{"features": [' + b"[], " * (SIZE // 4) + b"[]]}",
}
# Fewer values than twice what the model of 2,000 columns takes, all with names of their own.
NAMES = b'{"samples": [{' + b",".join(b'"%d":1' % number for number in range(370_000)) + b"}]}"


def test_bodies_of_other_names_cost_bounded_memory(wide_service, endured, length):
    request = post(path=b"/api/models/wide/predict/batch", body=NAMES)
    with (
        endured(wide_service, "8 bodies of 370,000 unknown names at a time"),
        attackers(together, wide_service.port, [request], 8, int(length(1, 6))) as attack,
    ):
        tally = attack.wait(120)
    assert set(tally.answers) <= {"400", "503"}


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_large_bodies_cost_bounded_memory(wide_service, endured, length, chunked):
    path = b"/api/predict/batch"
    requests = [
        post(CHUNKED, path=path) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        if chunked
        else post(path=path, body=body)
        for body in LARGE.values()
    ]
    times = int(length(1, 6))
    what = f"16 bodies of 9.9 MB at a time, {'chunked' if chunked else 'declared'}"
    with (
        endured(wide_service, what),
        attackers(together, wide_service.port, requests, 16, times) as attack,
    ):
        tally = attack.wait(120)
    assert sum(tally.answers.values()) == 16 * times
    assert set(tally.answers) <= {"400", "413", "503"}
