"""Drill 1: the compose stack comes up from nothing, serves, grows, and keeps what it knows; and the part of
drill 3 that takes replicas: they are restarted one after the other under load."""

import json
import re
from time import monotonic

import pytest

from tests.drills.callers import calling
from tests.drills.stack import LIMIT, ROW
from tests.services import wait_until

pytestmark = pytest.mark.drill

REPLICAS = 3
SERVICE_USER = "10001:10001"
GRACE = 45  # seconds, as in docker-compose.yml
ROWS = json.dumps({"samples": [[0.1] * 20, [-1.0] * 20]})
POST_ROWS = (
    "import json, urllib.request as r;"
    "url, headers = 'http://127.0.0.1:8080/invocations', {{'Content-Type': 'application/json'}};"
    "asked = r.Request(url, {body!r}, headers);"
    "print(r.urlopen(asked, timeout=10).read().decode())"
)


def test_comes_up_from_nothing_and_trains_once(running_stack, figure):
    assert len(running_stack.containers("api")) == REPLICAS
    assert len(running_stack.versions()) == 1
    seconds = f"{running_stack.started_in:.0f} s"
    figure("1", f"from an empty volume to {REPLICAS} ready replicas, image built", seconds, "one version")


def test_a_prediction_takes_a_key(running_stack):
    status, headers, answer = running_stack.ask(key=running_stack.key)
    assert (status, answer["success"]) == (200, True)
    assert headers["X-Request-ID"] == answer["request_id"]
    for key in (None, "wrong-" + running_stack.key):
        status, _, answer = running_stack.ask(key=key)
        assert (status, answer["error_type"]) == (401, "authentication_error")


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/api/models",
        "/api/models/routing",
        "/api/models/x/activate",
        "/api/%6dodels",
        "//metrics",
    ],
)
def test_metrics_and_operators_routes_are_closed_to_the_outside(running_stack, path):
    for method in ("GET", "POST"):
        status, headers, answer = running_stack.ask(method, path, key=running_stack.key)
        assert (status, answer["error_type"]) == (403, "permission_error")
        assert set(answer) == {"error", "error_type", "details", "request_id"}
        assert answer["request_id"] == headers["X-Request-ID"]


def test_models_beside_the_default_one_can_be_asked(running_stack):
    status, _, answer = running_stack.ask(path="/api/models/other/predict", key=running_stack.key)
    assert (status, answer["error_type"]) == (404, "not_found")


def test_a_body_is_limited_where_the_service_limits_it(running_stack):
    def asked(size):
        return running_stack.ask(body=ROW.ljust(size), key=running_stack.key)

    # As much as nginx lets through, and more than a batch of this model needs.
    status, _, answer = asked(10**7)
    assert (status, answer["error_type"]) == (413, "payload_too_large")
    limit = answer["details"]["limit"]
    assert [asked(size)[0] for size in (limit, limit + 1, 10**7 + 1)] == [200, 413, 413]


def test_every_replica_answers(running_stack, figure):
    for _ in range(10 * REPLICAS):
        assert running_stack.ask(key=running_stack.key)[0] == 200
    addresses = {f"{running_stack.address(replica)}:8080" for replica in running_stack.containers("api")}
    answered = running_stack.replicas_that_answered() & addresses
    figure("1", f"replicas that answer with --scale api={REPLICAS}", str(len(answered)), str(REPLICAS))
    assert len(answered) == REPLICAS


def test_a_replica_runs_without_rights(running_stack):
    for replica in running_stack.containers("api"):
        told = running_stack.inspect(replica)
        assert told["Config"]["User"] == SERVICE_USER
        assert running_stack.engine("exec", replica, "id", "-u").strip() == "10001"
        assert told["HostConfig"]["ReadonlyRootfs"] is True
        assert not running_stack.succeeds(replica, "touch", "/app/written")
        assert running_stack.succeeds(replica, "touch", "/tmp/written")
        capabilities = running_stack.engine("exec", replica, "cat", "/proc/1/status")
        assert set(re.search(r"CapEff:\s*(\w+)", capabilities)[1]) == {"0"}
        assert told["HostConfig"]["Memory"] == 2**30


def test_the_image_holds_no_compiler_no_installer_and_no_tests(running_stack):
    replica = running_stack.containers("api")[0]
    for command in ("cc", "gcc", "make", "pip"):
        assert not running_stack.succeeds(replica, "sh", "-c", f"command -v {command}")
    for python in ("python", "/usr/local/bin/python"):
        assert running_stack.succeeds(replica, python, "-c", "import email")
        assert not running_stack.succeeds(replica, python, "-c", "import pip")
    assert running_stack.succeeds(replica, "test", "-f", "/app/run.py")
    for absent in ("/app/tests", "/app/.env", "/app/benchmarks"):
        assert not running_stack.succeeds(replica, "test", "-e", absent)
    find = "find /app /opt/venv -type d '(' -name tests -o -name test ')'"
    assert running_stack.engine("exec", replica, "sh", "-c", find) == ""
    with_more_rights = "find / -xdev -type f -perm /6000 2>/dev/null || true"
    assert running_stack.engine("exec", replica, "sh", "-c", with_more_rights) == ""


def test_only_nginx_publishes_a_port(running_stack):
    published = {
        service: [
            int(binding["HostPort"])
            for container in running_stack.containers(service)
            for bindings in running_stack.inspect(container)["NetworkSettings"]["Ports"].values()
            for binding in bindings or []
        ]
        for service in ("api", "redis", "nginx")
    }
    assert published == {"api": [], "redis": [], "nginx": [running_stack.port]}


def test_secrets_are_not_in_the_image_nor_in_the_log(running_stack):
    image = json.loads(running_stack.engine("inspect", running_stack.image))
    assert running_stack.key not in json.dumps(image)
    labels = image[0]["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"]
    for service in ("api", "nginx"):
        for container in running_stack.containers(service):
            assert running_stack.key not in running_stack.engine("logs", container)


@pytest.mark.parametrize("service", ["api", "nginx", "redis"])
def test_sigterm_ends_a_container_in_time(running_stack, figure, service):
    container = running_stack.containers(service)[0]
    if service == "api":
        first = running_stack.engine("exec", container, "cat", "/proc/1/cmdline")
        assert "gunicorn" in first.split("\0")[1], "a shell in front would keep the signal to itself"
    began = monotonic()
    running_stack.engine("stop", "-t", str(GRACE), container)
    seconds = monotonic() - began
    code = running_stack.inspect(container)["State"]["ExitCode"]
    running_stack.engine("start", container)
    if service == "api":
        running_stack.wait_for(container)
    wait_until(running_stack.answers)
    figure(
        "1", f"SIGTERM to {service}", f"exit code {code} after {seconds:.1f} s", f"0 or 143 within {GRACE} s"
    )
    assert code in {0, 143}
    assert seconds < GRACE


def test_a_rolling_restart_fails_no_request(running_stack, figure, length):
    restarts = 0
    headers = {"X-API-Key": running_stack.key}
    with calling(running_stack.port, ROW, headers, rate=60, repeat=True) as calls:
        for _ in range(length(1, 4)):
            for replica in running_stack.containers("api"):
                running_stack.engine("stop", "-t", str(GRACE), replica)
                running_stack.engine("start", replica)
                running_stack.wait_for(replica)
                restarts += 1
    failures = [call.failure for call in calls.failed()]
    what = f"{restarts} replicas restarted in turn under {len(calls.ended)} requests"
    measured = f"{len(failures)} failed, {calls.repeated} repeated as nginx closed the connection"
    figure("3", what, measured, "0 failed")
    assert failures == []


def remaining_in_redis(running_stack):
    """What is left of the key's limit; a worker that has just lost Redis counts a share, half at most."""
    found = []

    def counted():
        found.append(int(running_stack.ask(key=running_stack.key)[1]["RateLimit-Remaining"]))
        return found[-1] > LIMIT / 2

    wait_until(counted, 60)
    return found[-1]


def test_down_and_up_again_keeps_models_and_limits(running_stack, figure):
    versions = running_stack.versions()
    used = remaining_in_redis(running_stack)
    running_stack.down()
    assert running_stack.containers("api", all_states=True) == []
    running_stack.up(REPLICAS)
    assert running_stack.versions() == versions
    remaining = remaining_in_redis(running_stack)
    figure(
        "1", "down and up again", f"{len(versions)} version, limit of a key {used}, then {remaining}", "kept"
    )
    assert remaining == used - 1


def test_every_container_becomes_healthy(running_stack):
    # Here, because what stands for docker where there is none checks for the first quarter of an hour only.
    containers = [c for service in ("api", "redis", "nginx") for c in running_stack.containers(service)]
    assert len(containers) == REPLICAS + 2
    wait_until(
        lambda: {running_stack.inspect(c)["State"]["Health"]["Status"] for c in containers} == {"healthy"},
        120,
    )


def test_the_onnx_image_is_half_the_size_and_answers_the_same(running_stack, figure):
    onnx = running_stack.build("onnx")
    whole, small = (image_size(running_stack, image) for image in (running_stack.image, onnx))
    sizes = f"service {whole / 1e6:.0f} MB, onnx {small / 1e6:.0f} MB"
    figure("1", "images", sizes, "onnx half of service at most")
    assert small <= whole / 2
    with running_stack.alone(onnx, "serve") as container:
        assert not running_stack.succeeds(container, "python", "-c", "import sklearn")
        running_stack.wait_until_healthy(container)
        program = POST_ROWS.format(body=ROWS.encode())
        alone = json.loads(running_stack.engine("exec", container, "python", "-c", program))
        _, _, answer = running_stack.ask(path="/api/predict/batch", key=running_stack.key, body=ROWS)
        assert alone["results"] == answer["results"]


def image_size(stack, image):
    """Bytes."""
    return json.loads(stack.engine("inspect", image))[0]["Size"]
