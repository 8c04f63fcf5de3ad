"""Champion and challenger, as operators and callers see them."""

import json
from collections import Counter
from threading import Event
from time import monotonic

import pytest

from app.models.ml_models import model_manager
from app.models.repository.traffic_split import parse
from tests.app.middleware.auth.credentials import KEY, PEPPER, add_key, with_key
from tests.assertions import assert_error
from tests.estimators import BOXES, ROW, MoodyRegressor, SumClassifier, SumRegressor, fitted
from tests.services import PATIENCE, wait_until

CANARY = {"mode": "canary", "challenger": "v2", "percent": 50}


def save(model, version, name="default"):
    model_manager.save_model(model, sample=BOXES, version=version, activate=False, name=name)


@pytest.fixture
def sums(serve):
    """A client: version v1 answers the sum, and v2, which nobody gets yet, the doubled sum."""
    client = serve(fitted(SumRegressor()), version="v1", OUTLIER_POLICY="off", CANARY_MIN_REQUESTS=10)
    with client.application.app_context():
        model_manager.served_model.store.activate("v1")
        save(fitted(SumRegressor(factor=2.0)), "v2")
        save(fitted(MoodyRegressor()), "moody")
    return client


@pytest.fixture
def service(sums):
    return model_manager.served_model


def route(client, document, query=""):
    return client.post(f"/api/models/routing{query}", json=document)


def ask(client, caller="a", features=(1, 2, 3), path="/api/predict", **options):
    return client.post(path, json={"features": list(features), "client_id": caller}, **options)


def version(client, caller="a", **options):
    """The version that answered, with the answer that is its own."""
    answer = ask(client, caller, **options).get_json()
    assert answer["result"]["prediction"] == {"v1": 6.0, "v2": 12.0}[answer["model_version"]]
    return answer["model_version"]


def compared(client):
    return client.get("/api/models/comparison").get_json()["versions"]


def test_a_canary_is_sticky_and_its_answers_are_its_own(sums):
    assert route(sums, CANARY).status_code == 200
    callers = [f"caller-{number}" for number in range(40)]
    first = [version(sums, caller) for caller in callers]
    assert [version(sums, caller) for caller in callers] == first
    assert 8 <= Counter(first)["v2"] <= 32


@pytest.mark.parametrize("path", ["/api/predict", "/api/predict/fast"])
def test_a_canary_of_everybody_answers_every_route(sums, path):
    route(sums, CANARY | {"percent": 100})
    assert version(sums, path=path) == "v2"
    batch = sums.post("/api/predict/batch", json={"samples": [[1, 2, 3]]}).get_json()
    assert (batch["model_version"], batch["results"][0]["prediction"]) == ("v2", 12.0)


def test_without_client_id_the_key_is_the_caller_wherever_it_comes_from(build_app, tmp_path):
    keys = [add_key(tmp_path / "keys.jsonl") for _ in range(24)]
    app = build_app(API_KEYS_FILE=tmp_path / "keys.jsonl", API_KEY_PEPPER=PEPPER)
    with app.app_context():
        model_manager.save_model(fitted(SumRegressor()), sample=BOXES, version="v1")
        model_manager.load_model()
        save(fitted(SumRegressor(factor=2.0)), "v2")
        store = model_manager.served_model.store
        store.traffic_split.set(parse(CANARY))
        model_manager.served_model.poll_traffic_split()
    client = app.test_client()

    def answered(key, address):
        response = client.post(
            "/api/predict", json=ROW, headers=with_key(key), environ_base={"REMOTE_ADDR": address}
        )
        return response.get_json()["model_version"]

    found = [{answered(key, f"10.0.0.{number}") for number in range(4)} for key in keys]
    assert all(len(versions) == 1 for versions in found)
    assert set.union(*found) == {"v1", "v2"}


def test_without_client_id_and_key_the_address_is_the_caller(sums):
    route(sums, CANARY)
    found = {
        sums.post("/api/predict", json=ROW, environ_base={"REMOTE_ADDR": f"10.0.0.{n}"}).get_json()[
            "model_version"
        ]
        for n in range(30)
    }
    assert found == {"v1", "v2"}
    answers = [sums.post("/api/predict", json=ROW).get_json()["model_version"] for _ in range(10)]
    assert len(set(answers)) == 1


def test_shares_of_a_and_b_cover_everybody(sums):
    route(sums, {"mode": "ab", "shares": {"v1": 50, "v2": 50}})
    found = Counter(version(sums, f"caller-{number}") for number in range(60))
    assert set(found) == {"v1", "v2"}


def test_off_sends_everybody_to_the_champion(sums, service):
    route(sums, CANARY | {"percent": 100})
    assert route(sums, {"mode": "off"}).get_json()["mode"] == "off"
    assert version(sums) == "v1"
    assert service.traffic_router.split is None


def test_a_version_that_is_not_there_or_bad_is_not_routed_to(sums, models_dir):
    assert_error(route(sums, CANARY | {"challenger": "v9"}), 404, "not_found")
    (models_dir / "model_v2" / "model.pkl").write_bytes(b"torn")
    assert route(sums, CANARY).status_code in {409, 503}
    assert sums.get("/api/models/routing").get_json() == {"mode": "off"}
    assert version(sums) == "v1"


def test_a_challenger_that_is_damaged_later_leaves_the_champion_serving(sums, service, models_dir):
    route(sums, CANARY | {"percent": 100})
    (models_dir / "model_v2" / "model.pkl").write_bytes(b"torn")
    service.traffic_router.split = None  # as in a worker that starts now
    service.poll_traffic_split()
    assert version(sums) == "v1"
    assert "v2" in service.rejected


def test_the_document_is_judged_field_by_field(sums):
    (error,) = assert_error(route(sums, CANARY | {"percent": 200}), 400, "validation_error")
    assert error == {"field": "percent", "reason": "must be a number from 0 to 100"}
    (error,) = assert_error(route(sums, CANARY | {"colour": "red"}), 400, "validation_error")
    assert error["field"] == "colour"


def test_a_header_pins_a_version_that_is_loaded(sums):
    route(sums, CANARY | {"percent": 0})
    assert version(sums) == "v1"
    assert version(sums, headers={"X-Model-Version": "v2"}) == "v2"
    assert version(sums, headers={"X-Model-Version": "v1"}) == "v1"
    assert_error(ask(sums, headers={"X-Model-Version": "v9"}), 409, "conflict")


def test_only_admins_pin_versions(build_app, tmp_path):
    keys = tmp_path / "keys.jsonl"
    caller, admin = add_key(keys), add_key(keys, scopes=("predict", "admin"))
    app = build_app(API_KEYS_FILE=keys, API_KEY_PEPPER=PEPPER, API_KEY_1=KEY)
    with app.app_context():
        model_manager.save_model(fitted(SumRegressor()), sample=BOXES, version="v1")
        model_manager.load_model()
    pin = {"X-Model-Version": "v1"}
    assert_error(ask(app.test_client(), headers=with_key(caller) | pin), 403, "permission_error")
    assert ask(app.test_client(), headers=with_key(admin) | pin).status_code == 200


def test_a_shadow_is_compared_and_answers_nobody(sums):
    route(sums, {"mode": "shadow", "challenger": "v2"})
    for number in range(20):
        assert version(sums, f"caller-{number}") == "v1"
    ask(sums, features=(0, 0, 0))  # both answer 0
    wait_until(lambda: compared(sums).get("v2", {}).get("shadow", {}).get("agreed") == 1)
    shadow = compared(sums)["v2"]["shadow"]
    assert (shadow["disagreed"], shadow["failed"], shadow["dropped"]) == (20, 0, 0)
    assert shadow["disagreement"] == pytest.approx(20 / 21)
    assert compared(sums)["v2"]["rows"] == 0


def test_a_shadow_that_blocks_or_fails_delays_and_fails_nothing(sums, service):
    route(sums, {"mode": "shadow", "challenger": "moody"})
    assert ask(sums, features=(13, 0, 0)).get_json()["result"]["prediction"] == 13.0
    wait_until(lambda: compared(sums)["moody"]["shadow"]["failed"] == 1)
    blocked, entered = Event(), Event()

    class Stuck:
        name = "stuck"

        def predict(self, rows):
            entered.set()
            blocked.wait()
            raise RuntimeError

    challenger = service.traffic_router.split.versions["moody"]
    object.__setattr__(challenger, "engine", Stuck())
    started = monotonic()
    for _ in range(100):
        assert ask(sums).status_code == 200
    took = monotonic() - started
    assert entered.wait(10)
    blocked.set()
    assert took < PATIENCE
    wait_until(lambda: compared(sums)["moody"]["shadow"]["failed"] == 101)


MOODY = {"mode": "canary", "challenger": "moody", "percent": 100}


@pytest.mark.parametrize("routing", [MOODY, {"mode": "ab", "shares": {"moody": 100}}], ids=["canary", "ab"])
@pytest.mark.parametrize("features", [(13, 0, 0), (14, 0, 0)], ids=["raises", "answers NaN"])
def test_where_a_challenger_fails_the_champion_answers_and_both_are_counted(sums, routing, features, caplog):
    route(sums, routing)
    for _ in range(3):
        answer = ask(sums, features=features)
        assert (answer.status_code, answer.get_json()["model_version"]) == (200, "v1")
        assert answer.get_json()["result"]["prediction"] == sum(features)
    assert ask(sums, features=(1, 2, 3)).get_json()["model_version"] == "moody"
    found = compared(sums)
    assert (found["moody"]["requests"], found["moody"]["errors"]) == (4, 3)
    assert (found["v1"]["requests"], found["v1"]["errors"]) == (3, 0)
    failures = [record for record in caplog.records if record.message == "the challenger failed"]
    assert [record.model_version for record in failures] == ["moody"] * 3


def test_where_both_fail_the_caller_is_told_and_the_canary_stays(sums, service):
    sums.post("/api/models/moody/activate")
    with sums.application.app_context():
        save(fitted(MoodyRegressor(factor=2.0)), "moodier")
    route(sums, MOODY | {"challenger": "moodier"})
    for _ in range(20):
        assert_error(ask(sums, features=(13, 0, 0)), 400, "validation_error")
    service.poll_traffic_split()
    assert service.traffic_router.split is not None


def test_a_pinned_version_that_fails_has_nobody_behind_it(sums):
    route(sums, MOODY | {"percent": 0})
    answer = ask(sums, features=(13, 0, 0), headers={"X-Model-Version": "moody"})
    assert_error(answer, 400, "validation_error")


def test_a_canary_that_fails_is_ended_by_itself(sums, service):
    route(sums, MOODY)
    for _ in range(9):
        assert ask(sums, features=(13, 0, 0)).status_code == 200
    service.poll_traffic_split()
    assert service.traffic_router.split is not None  # too few requests to tell
    ask(sums, features=(13, 0, 0))
    service.poll_traffic_split()
    assert ask(sums).get_json()["model_version"] == "v1"
    ended = sums.get("/api/models/routing").get_json()
    assert (ended["mode"], ended["ended"]["challenger"]) == ("off", "moody")
    assert ended["ended"]["reason"] == "error rate 100.0% against 0.0% of the champion"
    assert "canary_rollbacks_total 1.0" in sums.get("/metrics").text


def test_a_canary_that_does_as_well_stays(sums, service):
    route(sums, CANARY)
    for number in range(100):
        version(sums, f"caller-{number}")
    service.poll_traffic_split()
    assert service.traffic_router.split is not None


def test_a_canary_that_is_slow_is_ended_by_itself(sums, service):
    route(sums, CANARY)
    for _ in range(10):
        service.traffic_router.split.tallies.add("champion", seconds=0.01, failed=False)
        service.traffic_router.split.tallies.add("challenger", seconds=0.1, failed=False)
    service.poll_traffic_split()
    assert service.traffic_router.split is None
    assert "95th percentile" in sums.get("/api/models/routing").get_json()["ended"]["reason"]


def test_mistakes_of_callers_end_no_canary_but_a_canary_that_takes_other_input_ends(sums, service):
    route(sums, CANARY | {"percent": 100})
    for _ in range(20):
        assert_error(ask(sums, features=(1, 2)), 400, "validation_error")
    service.poll_traffic_split()
    assert service.traffic_router.split is not None
    with sums.application.app_context():
        narrow = SumRegressor().fit(BOXES.to_numpy()[:, :2])
        model_manager.save_model(narrow, sample=BOXES.iloc[:, :2], version="narrow", activate=False)
    route(sums, CANARY | {"percent": 100, "challenger": "narrow"})
    for _ in range(20):
        assert version(sums) == "v1"
    service.poll_traffic_split()
    assert service.traffic_router.split is None


def test_the_comparison_tells_versions_apart(serve):
    client = serve(fitted(SumClassifier()), version="v1")
    with client.application.app_context():
        model_manager.served_model.store.activate("v1")
        save(fitted(SumClassifier()), "v2")
    route(client, CANARY)
    for number in range(40):
        ask(client, f"caller-{number}", features=(9, 9, 9) if number % 2 else (1, 1, 1))
    found = client.get("/api/models/comparison").get_json()
    one, two = found["versions"]["v1"], found["versions"]["v2"]
    assert (found["champion"], found["routing"]["mode"]) == ("v1", "canary")
    assert one["requests"] + two["requests"] == 40
    assert min(one["requests"], two["requests"]) > 5
    assert (two["errors"], two["error_rate"]) == (0, 0.0)
    assert two["avg_response_time"] > 0
    assert sum(two["labels"].values()) == pytest.approx(1)
    assert set(two["labels"]) == {"0", "1"}


def test_models_are_routed_each_for_itself(sums):
    with sums.application.app_context():
        model_manager.save_model(fitted(SumRegressor()), sample=BOXES, version="v1", name="other")
        save(fitted(SumRegressor(factor=2.0)), "v2", name="other")
        model_manager.registry.load_all()
    route(sums, CANARY | {"percent": 100}, "?model=other")
    assert version(sums, path="/api/models/other/predict") == "v2"
    assert version(sums) == "v1"
    found = sums.get("/api/models/comparison?model=other").get_json()
    assert found["versions"]["v2"]["requests"] == 1
    assert "requests" in compared(sums)["v1"]


def test_a_challenger_that_is_activated_answers_everybody(sums):
    route(sums, CANARY)
    sums.post("/api/models/v2/activate")
    assert {version(sums, f"caller-{number}") for number in range(20)} == {"v2"}


def test_the_command_routes_and_shows(sums, service):
    runner = sums.application.test_cli_runner()

    def run(*words):
        result = runner.invoke(args=["models", "route", *words])
        service.poll_traffic_split()
        return result

    assert json.loads(run("canary", "v2", "--percent", "100", "--json").output)["percent"] == 100
    assert version(sums) == "v2"
    assert run("ab", "v1=100").exit_code == 0
    assert version(sums) == "v1"
    assert "shadow" in run("shadow", "v2").output
    assert json.loads(run("--json").output)["mode"] == "shadow"
    assert run("off").exit_code == 0
    assert json.loads(run("--json").output)["mode"] == "off"
    for words in (("canary", "v2"), ("canary", "--percent", "1"), ("ab", "v1=x"), ("shadow", "v9")):
        assert run(*words).exit_code in {1, 2}
