"""deploy/kubernetes is valid, and says of the service what the service says of itself.

The resources are read with PyYAML. Where there is a kubectl, what its kustomize makes of them is validated
too; Debian's is too old for that, so it is required nowhere.
"""

import json
import re
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from app import create_app
from app.middleware.route_table import ROUTE_TABLE
from app.settings import capacity
from config import DIALECTS, load_config
from tests import settings
from tests.conftest import configuration
from tests.deploy.compose import services

FOLDER = settings.ROOT / "deploy" / "kubernetes"
DOCKERFILE = (settings.ROOT / "Dockerfile").read_text()
COMPOSE = services()
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
# The oldest that docs/deployment.md promises, and the newest whose schemas there are.
VERSIONS = ("1.30", "1.37")
SECRETS = "/run/secrets/model-service"
MEBIBYTE = 1024**2


def resources():
    """Every resource of the folder."""
    return [
        document
        for name in KUSTOMIZATION["resources"]
        for document in yaml.safe_load_all((FOLDER / name).read_text())
    ]


def find(kind, name="model-service"):
    (found,) = [r for r in resources() if (r["kind"], r["metadata"]["name"]) == (kind, name)]
    return found


def environment():
    """The variables of settings.env."""
    lines = (FOLDER / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def size(quantity):
    """A quantity of memory in bytes."""
    number, unit = re.fullmatch(r"(\d+)([MG])i", quantity).groups()
    return int(number) * MEBIBYTE * (1024 if unit == "G" else 1)


def from_dockerfile(pattern):
    return re.search(pattern, DOCKERFILE, re.MULTILINE)[1]


HEALTHCHECK = from_dockerfile(r"^ +CMD .*}(/\S+)', timeout=4\)")
POD = find("Deployment")["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
(REDIS,) = find("StatefulSet", "redis")["spec"]["template"]["spec"]["containers"]
PROBES = {name: CONTAINER[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resource", resources(), ids=lambda r: f"{r['kind']}/{r['metadata']['name']}")
def test_each_resource_is_valid(resource, version):
    kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("terminationGracePeriodSecond", 60),
        ("terminationGracePeriodSeconds", "a minute"),
        ("containers", [{}]),
    ],
    ids=["unknown field", "wrong type", "missing field"],
)
def test_an_invalid_resource_is_refused(version, field, value):
    planted = deepcopy(find("Deployment"))
    planted["spec"]["template"]["spec"][field] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(planted, version, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_what_kustomize_makes_of_it_is_valid_and_complete():
    command = ["kubectl", "kustomize", str(FOLDER)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    built = list(yaml.safe_load_all(output))
    for resource in built:
        kubernetes_validate.validate(resource, VERSIONS[-1], strict=True)
        if resource["kind"] != "Namespace":
            assert resource["metadata"]["namespace"] == "model-service"
    assert len(built) == len(resources()) + 1
    (generated,) = [r for r in built if r["kind"] == "ConfigMap"]
    assert generated["data"] == environment()
    (deployment,) = [r for r in built if r["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": generated["metadata"]["name"]}}]
    assert container["image"].startswith("registry.example.com/model-service:")


def test_the_kustomization_names_every_file_and_no_other():
    named = {*KUSTOMIZATION["resources"], "kustomization.yaml", "settings.env"}
    assert {path.name for path in FOLDER.iterdir()} == named
    assert KUSTOMIZATION["configMapGenerator"] == [{"name": "settings", "envs": ["settings.env"]}]
    assert CONTAINER["envFrom"] == [{"configMapRef": {"name": "settings"}}]
    assert KUSTOMIZATION["namespace"] == find("Namespace")["metadata"]["name"]


def test_every_variable_is_a_setting_of_the_service():
    names = {name.removesuffix("_FILE") for name in environment()}
    assert names <= set(settings.declared())
    assert "env" not in CONTAINER


def test_production_starts_with_these_settings(tmp_path, monkeypatch):
    secrets = {"API_KEY_1": "a-key-that-only-these-tests-know", "REDIS_URL": "redis://:password@redis:6379/0"}
    for name, value in secrets.items():
        (tmp_path / name).write_text(value)
    for name, value in environment().items():
        monkeypatch.setenv(name, value.replace(SECRETS, str(tmp_path)))
    config = load_config("production")
    assert secrets == config.API_KEYS | {"REDIS_URL": config.REDIS_URL}
    assert list(map(str, config.METRICS_ALLOW_PRIVATE)) == ["10.244.0.0/16"]
    assert config.TRUSTED_PROXIES == 1


def test_secrets_are_files_of_a_secret_and_stand_nowhere():
    files = {name: value for name, value in environment().items() if name.endswith("_FILE")}
    assert files == {name: f"{SECRETS}/{name.removesuffix('_FILE')}" for name in files}
    assert files
    mounts = {mount["name"]: mount for mount in CONTAINER["volumeMounts"]}
    assert mounts["secrets"] == {"name": "secrets", "mountPath": SECRETS, "readOnly": True}
    (volume,) = [volume for volume in POD["spec"]["volumes"] if volume["name"] == "secrets"]
    assert volume["secret"] == {"secretName": "model-service", "defaultMode": 0o440}
    assert not [resource for resource in resources() if resource["kind"] == "Secret"]
    (password,) = REDIS["env"]
    assert password["valueFrom"] == {"secretKeyRef": {"name": "redis", "key": "password"}}
    assert f'requirepass "${password["name"]}"' in REDIS["args"][-1]


def selectors():
    """Each selector of pods, with the kind that has it."""
    for resource in resources():
        spec = resource.get("spec", {})
        if resource["kind"] == "Service":
            yield "Service", spec["selector"]
        elif "selector" in spec:
            yield resource["kind"], spec["selector"]["matchLabels"]
        if resource["kind"] == "NetworkPolicy":
            yield "NetworkPolicy", spec["podSelector"]["matchLabels"]
            peers = [p for rule in spec["ingress"] for p in rule["from"]]
            peers += [p for rule in spec.get("egress", ()) for p in rule["to"]]
            for peer in peers:
                if "namespaceSelector" not in peer:
                    yield "NetworkPolicy", peer["podSelector"]["matchLabels"]
    for constraint in POD["spec"]["topologySpreadConstraints"]:
        yield "topologySpreadConstraints", constraint["labelSelector"]["matchLabels"]


def test_every_selector_finds_pods():
    pods = [
        r["spec"]["template"]["metadata"]["labels"] for r in resources() if "template" in r.get("spec", {})
    ]
    found = list(selectors())
    assert {kind for kind, _ in found} == {
        "Deployment",
        "StatefulSet",
        "Service",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "topologySpreadConstraints",
    }
    for kind, selector in found:
        assert [labels for labels in pods if selector.items() <= labels.items()], kind


def test_the_autoscaler_and_nobody_else_says_how_many():
    scaler = find("HorizontalPodAutoscaler")["spec"]
    deployment = find("Deployment")
    assert scaler["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]
    assert 2 <= scaler["minReplicas"] < scaler["maxReplicas"]
    assert CONTAINER["resources"]["requests"]["cpu"]  # what utilization is a share of


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_probes_ask_routes_that_exist_whatever_protocol_is_served(tmp_path, dialect):
    app = create_app(configuration(tmp_path, DIALECTS=dialect))
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    paths = {name: probe["httpGet"]["path"] for name, probe in PROBES.items()}
    assert paths == {
        "startup": "/api/health/live",
        "liveness": "/api/health/live",
        "readiness": "/api/health/ready",
    }
    annotations = POD["metadata"]["annotations"]
    assert {*paths.values(), annotations["prometheus.io/path"]} <= routes
    assert {*paths.values(), HEALTHCHECK} <= app.extensions[ROUTE_TABLE].exempt


@pytest.mark.parametrize(("variables", "port"), [({}, 8080), ({"AIP_HTTP_PORT": "9090"}, 9090)])
def test_the_image_probes_the_port_that_the_service_listens_on(monkeypatch, variables, port):
    (command,) = re.findall(r"HEALTHCHECK .*\\\n +CMD (\[.*\])", DOCKERFILE)
    _, _, program = json.loads(command)
    asked = []
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: asked.append(url))
    for name, value in {"PORT": "8080", **variables}.items():
        monkeypatch.setenv(name, value)
    exec(program)  # the image's own
    assert asked == [f"http://127.0.0.1:{port}{HEALTHCHECK}"]
    assert port == load_config("testing").PORT


def test_the_ports_are_that_of_the_image():
    port = int(from_dockerfile(r"^EXPOSE (\d+)$"))
    assert CONTAINER["ports"] == [{"name": "http", "containerPort": port}]
    assert POD["metadata"]["annotations"]["prometheus.io/port"] == str(port)
    assert {probe["httpGet"]["port"] for probe in PROBES.values()} == {"http"}
    assert [exposed["targetPort"] for exposed in find("Service")["spec"]["ports"]] == ["http"]
    (rule,) = find("NetworkPolicy")["spec"]["ingress"]
    assert rule["ports"] == [{"port": "http"}]


def test_nothing_is_let_out_but_to_dns_and_redis():
    to_dns, to_redis = find("NetworkPolicy")["spec"]["egress"]
    assert [(port["port"], port["protocol"]) for port in to_dns["ports"]] == [(53, "UDP"), (53, "TCP")]
    (exposed,) = find("Service", "redis")["spec"]["ports"]
    assert to_redis["ports"] == [{"port": exposed["port"]}]
    redis = find("NetworkPolicy", "redis")["spec"]
    assert redis["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in redis


def test_the_user_is_that_of_the_image():
    user = int(from_dockerfile(r"^USER (\d+):"))
    context = POD["spec"]["securityContext"]
    assert [context[name] for name in ("runAsUser", "runAsGroup", "fsGroup")] == [user] * 3


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_pods_are_admitted_by_the_restricted_standard(kind):
    name = "model-service" if kind == "Deployment" else "redis"
    pod = find(kind, name)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert find("Namespace")["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}


def test_the_service_account_gets_no_token():
    assert POD["spec"]["serviceAccountName"] == find("ServiceAccount")["metadata"]["name"]
    assert find("ServiceAccount")["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("service", "container"), [("api", CONTAINER), ("redis", REDIS)])
def test_the_image_and_the_memory_are_those_of_compose(service, container):
    assert container["image"] == COMPOSE[service]["image"]
    memory = container["resources"]["limits"]["memory"]
    assert memory.removesuffix("i").lower() == COMPOSE[service]["mem_limit"]
    assert container["resources"]["requests"]["memory"] == memory


def test_the_image_gets_a_registry_and_a_tag():
    (image,) = KUSTOMIZATION["images"]
    assert image["name"] == CONTAINER["image"]
    assert image["newName"] != image["name"]
    assert image["newTag"] != "latest"


def test_the_workers_and_their_metrics_fit_the_memory():
    limit = size(CONTAINER["resources"]["limits"]["memory"])
    (tmp,) = [volume["emptyDir"] for volume in POD["spec"]["volumes"] if volume["name"] == "tmp"]
    assert tmp["medium"] == "Memory"
    workers = int(environment()["WORKERS"])
    assert workers > 1
    assert workers * capacity.WORKER_MEMORY + size(tmp["sizeLimit"]) <= limit


def test_what_is_written_to_is_a_volume():
    mounted = {mount["mountPath"]: mount["name"] for mount in CONTAINER["volumeMounts"]}
    assert mounted[from_dockerfile(r"MODELS_DIR=(\S+)$")] == "models"
    assert Path(environment()["PROMETHEUS_MULTIPROC_DIR"]).parent == Path("/tmp")
    assert mounted["/tmp"] == "tmp"
    claims = {v["name"]: v["persistentVolumeClaim"] for v in POD["spec"]["volumes"] if v["name"] == "models"}
    claim = find("PersistentVolumeClaim", "models")
    assert claims == {"models": {"claimName": claim["metadata"]["name"]}}
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_a_stopping_pod_has_time_to_finish(gunicorn_settings):
    pause = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause > PROBES["readiness"]["periodSeconds"]
    assert POD["spec"]["terminationGracePeriodSeconds"] > pause + gunicorn_settings["graceful_timeout"]


def test_a_rolling_update_takes_no_pod_away_before_another_is_ready():
    strategy = find("Deployment")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def test_the_probes_are_as_patient_as_they_must_be(gunicorn_settings):
    patience = {name: probe["periodSeconds"] * probe["failureThreshold"] for name, probe in PROBES.items()}
    assert patience["startup"] >= int(from_dockerfile(r"--start-period=(\d+)s"))
    assert patience["liveness"] > gunicorn_settings["timeout"]
    assert patience["readiness"] < gunicorn_settings["timeout"]
