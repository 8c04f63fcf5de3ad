"""What can be said about the image, the compose file and nginx.conf without running them; drills do that."""

import os
import re
import subprocess
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import redis
import yaml

from config import LONGEST_BODY
from tests import settings
from tests.deploy import compose
from tests.nginx import CONFIGURE, configure
from tests.services import free_port, require_command, wait_until

pytestmark = pytest.mark.server

NGINX = (settings.ROOT / "nginx.conf").read_text()
COMPOSE = (settings.ROOT / "docker-compose.yml").read_text()
FOLLOW = settings.ROOT / "deploy" / "nginx" / "follow-replicas.sh"


def test_nginx_takes_as_much_as_the_service():
    assert int(settings.of_compose()["MAX_CONTENT_LENGTH"]) == LONGEST_BODY


def refusal(folder: Path, configuration: str) -> str:
    """What nginx has against a configuration, whose files are looked for in ``folder``."""
    nginx = require_command("nginx")
    upstreams = "".join(f"upstream {name} {{ server 127.0.0.1:9; }}\n" for name in ("api", "grafana"))
    (folder / "upstreams.conf").write_text(upstreams)
    configure(folder, port=free_port(), tls_port=free_port())
    for place in ("/tmp/", "/dev/", "/etc/nginx/tls/"):
        configuration = configuration.replace(place, f"{folder}/")
    (folder / "nginx.conf").write_text(configuration)
    command = [nginx, "-t", "-q", "-c", str(folder / "nginx.conf"), "-e", str(folder / "stderr")]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_nginx_accepts_its_configuration(tmp_path):
    assert refusal(tmp_path, NGINX) == ""
    assert "unknown directive" in refusal(tmp_path, NGINX.replace("tcp_nodelay", "no_delay"))


def test_nginx_accepts_the_lines_for_tls(tmp_path):
    begin, tls, end = re.split(r"# --- (?:TLS:.*|end of TLS)\n", NGINX)
    configuration = begin + tls.replace("# ", "") + end
    assert "fullchain.pem" in refusal(tmp_path, configuration)
    files = ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"]
    certificate = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([require_command("openssl"), *certificate, *files], capture_output=True, check=True)
    assert refusal(tmp_path, configuration) == ""


def test_every_container_is_hardened():
    for name, service in compose.services().items():
        assert service["read_only"] is True, name
        assert service["tmpfs"] == ["/tmp"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        # The service's image has a user of its own; nginx begins as root, and its workers do not.
        assert "user" in service or name in {"api", "nginx"}, name
        assert "cap_add" not in service or name == "nginx", name


def test_only_the_service_gets_its_secrets():
    services = compose.services()
    assert [name for name, service in services.items() if "env_file" in service] == ["api"]
    blocks = re.split(r"(?m)^  (\w+):\n", COMPOSE.partition("\nservices:\n")[2].partition("\nnetworks:")[0])
    given = dict(zip(blocks[1::2], blocks[2::2], strict=True))
    assert set(given) == set(services)
    secrets = {name: set(re.findall(r"\$\{(\w*(?:PASSWORD|KEY)\w*):-", text)) for name, text in given.items()}
    assert {name: found for name, found in secrets.items() if found} == {
        "api": {"REDIS_PASSWORD"},
        "redis": {"REDIS_PASSWORD"},
        "grafana": {"GRAFANA_PASSWORD"},
    }


def test_only_prometheus_reads_the_metrics_without_a_key():
    """At an address that no other container can be given."""
    address = compose.services()["prometheus"]["networks"]["inside"]["ipv4_address"]
    assert compose.services()["api"]["environment"]["METRICS_ALLOW_PRIVATE"] == address
    (network,) = compose.document()["networks"]["inside"]["ipam"]["config"]
    assert ip_address(address) in ip_network(network["subnet"])
    assert ip_address(address) not in ip_network(network["ip_range"])
    assert ip_network(network["ip_range"]).subnet_of(ip_network(network["subnet"]))


def test_one_variable_moves_the_private_network():
    """Where the machine uses the default one."""
    assert "172.30.77" in settings.of_compose()["NETWORK_PREFIX"]
    assert "172.30.77" not in COMPOSE.replace("${NETWORK_PREFIX:-172.30.77}", "")


def test_only_this_machine_reaches_the_service_unless_told_otherwise():
    ports = [port for service in compose.services().values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:8080:8080"]
    assert re.findall(r"# - \"(.*):443:8443\"", COMPOSE) == ["${HTTP_ADDRESS:-127.0.0.1}"]


def redis_commands() -> dict[str, list[str]]:
    """The command of Redis in each way of running it, as its container gets it."""
    manifest = (settings.ROOT / "deploy" / "kubernetes" / "redis.yaml").read_text()
    (pod,) = [object for object in yaml.safe_load_all(manifest) if object["kind"] == "StatefulSet"]
    in_compose = [word.replace("$$", "$") for word in compose.services()["redis"]["command"]]
    return {"compose": in_compose, "kubernetes": pod["spec"]["template"]["spec"]["containers"][0]["args"]}


@pytest.mark.parametrize("way", ["compose", "kubernetes"])
@pytest.mark.parametrize("password", ["a1b2c3d4e5f6", ""])
def test_redis_has_its_password_and_does_not_show_it(tmp_path, way, password):
    port = free_port()
    shell, option, script = redis_commands()[way]
    # What a test needs besides; in a container the folder and the port are its own.
    begun = f"{require_command('redis-server')} - --port {port} --bind 127.0.0.1 --dir {tmp_path}"
    command = [shell, option, script.replace("redis-server -", begun, 1)]
    with subprocess.Popen(
        command, env=os.environ | {"REDISCLI_AUTH": password}, stdout=subprocess.DEVNULL
    ) as process:
        try:
            client = redis.Redis(port=port, password=password or None)
            wait_until(lambda: answers(client))
            shown = Path(f"/proc/{process.pid}/cmdline").read_text()
            assert "redis-server" in shown  # it is the process that is told to stop
            assert not password or password not in shown
            if password:
                with pytest.raises(redis.AuthenticationError):
                    redis.Redis(port=port).ping()
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        finally:
            process.kill()


def answers(client: redis.Redis) -> bool:
    with suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


def test_compose_takes_its_secrets_from_elsewhere():
    assert {"HTTP_PORT", "REDIS_PASSWORD", "IMAGE"} <= set(settings.of_compose())
    secrets = re.findall(r"^ +\w*(?:PASSWORD|SECRET|KEY|AUTH)\w*: (.*)$", COMPOSE, re.MULTILINE)
    assert len(secrets) >= 2
    assert [value for value in secrets if not re.fullmatch(r"\$\{\w+:-\}", value)] == []


def test_what_only_serves_needs_nothing_that_training_does_not():
    def names(file: str) -> set[str]:
        lines = (settings.ROOT / file).read_text().splitlines()
        found = [line.partition("==")[0] for line in lines if line and line[0] not in "#-"]
        return {re.sub(r"[-_.]+", "-", name).lower() for name in found}

    assert names("requirements-onnx.txt") < names("requirements.txt")
    assert not {"scikit-learn", "pandas", "skl2onnx"} & names("requirements-onnx.txt")


@pytest.mark.parametrize(
    "script", [settings.ROOT / "deploy" / "entrypoint.sh", FOLLOW, CONFIGURE], ids=lambda p: p.name
)
def test_scripts_of_the_image_are_valid_for_any_shell(script: Path):
    shell = require_command("sh")
    assert subprocess.run([shell, "-n", script], check=False).returncode == 0
    assert script.stat().st_mode & 0o111
