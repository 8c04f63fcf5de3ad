"""Four workers follow a traffic split, and end a canary together."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from app.models.ml_models import model_manager
from tests.estimators import BOXES, ROW, MoodyRegressor, SlowRegressor, SumRegressor, fitted
from tests.services import PATIENCE, gunicorn

pytestmark = pytest.mark.drill

CANARY = {"mode": "canary", "challenger": "v2", "percent": 50}


def save(model, version):
    model_manager.save_model(model, sample=BOXES, version=version, activate=False)


def many_ask(server, row, callers=400, clients=8):
    """Requests of many callers, from several clients at once: statuses and versions."""

    def ask_as(caller):
        answer = server.post("/api/predict", json=row | {"client_id": f"caller-{caller}"})
        return answer.status_code, answer.json().get("model_version")

    with ThreadPoolExecutor(clients) as pool:
        return Counter(pool.map(ask_as, range(callers)))


def ended(server, challenger, percent=50):
    """Route a canary, ask until it ends by itself, and return why and what callers saw."""
    document = CANARY | {"challenger": challenger, "percent": percent}
    assert server.post("/api/models/routing?wait=true", json=document).json()["workers"] == 4
    seen = Counter()
    began = monotonic()
    while (routing := server.get("/api/models/routing").json())["mode"] != "off":
        assert monotonic() - began < PATIENCE
        seen += many_ask(server, {"features": [13, 0, 0]}, callers=100)
    return routing["ended"]["reason"], seen


def test_four_workers_follow_a_traffic_split_and_end_a_canary_either_way(empty_app, models_dir, tmp_path):
    with empty_app.app_context():
        model_manager.save_model(fitted(SumRegressor()), sample=BOXES, version="v1")
        save(fitted(SumRegressor(factor=2.0)), "v2")
        save(fitted(MoodyRegressor()), "moody")
        save(fitted(SlowRegressor()), "slow")
    with gunicorn(tmp_path, MODELS_DIR=models_dir, CANARY_MIN_REQUESTS=40) as server:
        server.wait_until(lambda: server.get("/api/models").json()["versions"][-1]["workers"] == 4)
        seconds = []
        for mode in ({"percent": 100}, {"percent": 0}) * 2:
            started = monotonic()
            answer = server.post("/api/models/routing?wait=true", json=CANARY | mode)
            seconds.append(monotonic() - started)
            assert (answer.status_code, answer.json()["workers"]) == (200, 4), answer.text
            shown = server.get("/api/models/v2").json()
            assert (shown["state"], shown["workers"]) == ("challenger", 4)
            answers = many_ask(server, ROW, callers=40)
            assert answers == {(200, "v2" if mode["percent"] else "v1"): 40}
        assert sorted(seconds)[1] < 2  # a busy machine may be late, but not mostly
        # What one worker alone has too few requests to see, all of them see together.
        by_errors, seen = ended(server, "moody")
        assert set(seen) == {(200, "v1")}  # the champion answers where the canary fails
        by_latency, seen = ended(server, "slow")
        assert {status for status, _ in seen} == {200}
        # One that does as well goes on.
        server.post("/api/models/routing?wait=true", json=CANARY)
        assert set(many_ask(server, ROW)) == {(200, "v1"), (200, "v2")}
        assert server.get("/api/models/routing").json()["mode"] == "canary", server.get(
            "/api/models/routing"
        ).text
        assert server.total("canary_rollbacks_total") == 2
    assert by_errors == "error rate 100.0% against 0.0% of the champion"
    assert by_latency.startswith("95th percentile ")
    print(f"followed after at most {max(seconds):.2f} s; ended by {by_errors!r} and by {by_latency!r}")
