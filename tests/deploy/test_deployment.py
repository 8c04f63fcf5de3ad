"""docs/deployment.md names what there is."""

import re
import shlex

import pytest
import yaml

from tests.deploy import compose
from tests.settings import ROOT, declared
from tests.test_readme import BLOCK

DOCUMENT = (ROOT / "docs" / "deployment.md").read_text()
FOLLOW = ROOT / "deploy" / "nginx" / "follow-replicas.sh"
KUBERNETES = ROOT / "deploy" / "kubernetes"
RESOURCES = [
    document
    for file in yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    for document in yaml.safe_load_all((KUBERNETES / file).read_text())
]
COMMANDS = [
    shlex.split(line.removeprefix("$ "), comments=True)
    for kind, block in BLOCK.findall(DOCUMENT)
    if kind == "console"
    for line in block.replace("\\\n", " ").splitlines()
]


def test_every_file_named_exists():
    named = set(re.findall(r"(?<![\w/.])((?:deploy|docs|tests)/[\w./-]*\w)", DOCUMENT))
    named |= set(re.findall(r"`([\w.-]+\.(?:conf|yml|example|py|md))`", DOCUMENT))
    assert len(named) > 5
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_setting_named_exists():
    known = set(declared()) | compose.variables() | {"GUNICORN_CMD_ARGS", "WEB_CONCURRENCY"}
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", DOCUMENT))
    assert len(named) > 5
    assert [name for name in named if name.removesuffix("_FILE") not in known and name not in known] == []


def test_every_setting_of_compose_is_named():
    assert compose.variables() <= set(re.findall(r"`([A-Z_]+)`", DOCUMENT))


def test_every_command_of_flask_exists(empty_app):
    found = [words[words.index("flask") :] for words in COMMANDS if "flask" in words]
    found += [command.split() for command in re.findall(r"`(flask [a-z ]+)`", DOCUMENT)]
    assert len(found) > 3
    for words in found:
        group, *verb = [word for word in words[1:] if word not in {"--app", "run"}][:2]
        assert group in empty_app.cli.commands
        assert not verb or verb[0] in empty_app.cli.commands[group].commands


def test_every_command_of_compose_is_about_its_services():
    found = [words[2:] for words in COMMANDS if words[:2] == ["docker", "compose"]]
    assert {"up", "exec", "run", "build"} <= {word for words in found for word in words}
    services = compose.services()
    assert {word for words in found for word in words} & set(services) == {"api"}
    assert all(word in {"api=3", "api=5"} for words in found for word in words if "=" in word)
    profiles = {profile for service in services.values() for profile in service.get("profiles", ())}
    named = {words[words.index("--profile") + 1] for words in found if "--profile" in words}
    assert named == profiles


def test_nginx_lets_a_kept_connection_go_before_the_service_does(gunicorn_settings):
    (idle,) = re.findall(r"keepalive_timeout (\d+)s;", FOLLOW.read_text())
    assert int(idle) < gunicorn_settings["keepalive"]


def test_the_volumes_are_those_of_compose():
    rows = re.findall(r"^\| (`[a-z`, ]+) \| ", DOCUMENT, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z]+)`", row)}
    assert set(yaml.safe_load(compose.VARIABLE.sub(r"\2", compose.TEXT))["volumes"]) <= named


@pytest.mark.parametrize("target", ["service", "onnx"])
def test_the_images_are_targets_of_the_dockerfile(target):
    assert f"\n| `{target}` | " in DOCUMENT
    assert re.search(rf"^FROM base AS {target}$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_the_secrets_made_are_those_that_the_manifests_ask_for():
    made = {
        words[6]: {word.split("=")[1] for word in words if word.startswith("--from-literal=")}
        for words in COMMANDS
        if words[3:6] == ["create", "secret", "generic"]
    }
    settings_file = (KUBERNETES / "settings.env").read_text()
    files = set(re.findall(r"^\w+_FILE=/run/secrets/model-service/(\w+)$", settings_file, re.MULTILINE))
    assert made == {"redis": {"password"}, "model-service": files}


def test_every_object_of_kubectl_exists():
    known = {f"{resource['kind'].lower()}/{resource['metadata']['name']}" for resource in RESOURCES}
    named = set(re.findall(r"\b(deployment/[\w-]+)", DOCUMENT))
    assert named
    assert named <= known
    for words in COMMANDS:
        if words[0] == "kubectl" and "apply" not in words:
            assert words[1:3] == ["-n", "model-service"]


def test_the_steps_for_systemd_are_those_of_the_unit():
    unit = (ROOT / "deploy" / "systemd" / "model-service.service").read_text()
    user, home, file, store = (
        re.search(rf"^{key}=(\S+)$", unit, re.MULTILINE)[1]
        for key in ("User", "WorkingDirectory", "EnvironmentFile", "Environment=MODELS_DIR")
    )
    section = DOCUMENT.partition("\n## systemd\n")[2]
    assert f"nologin {user}\n" in section
    assert f"git clone . {home}\n" in section
    assert f"/dev/stdin {file}\n" in section
    assert f"sudo -u {user} MODELS_DIR={store} .venv/bin/flask" in section
