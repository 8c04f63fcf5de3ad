"""What can be said about the image, the compose file and nginx.conf without running them; drills do that."""

import re
import subprocess
from pathlib import Path

import pytest

from config import LONGEST_BODY
from tests import settings
from tests.services import require_command

NGINX = (settings.ROOT / "nginx.conf").read_text()
COMPOSE = (settings.ROOT / "docker-compose.yml").read_text()
FOLLOW = settings.ROOT / "deploy" / "nginx" / "follow-replicas.sh"


def test_nginx_takes_as_much_as_the_service():
    assert int(re.search(r"client_max_body_size (\d+);", NGINX)[1]) == LONGEST_BODY


def refusal(folder: Path, configuration: str) -> str:
    """What nginx has against a configuration, whose files are looked for in ``folder``."""
    nginx = require_command("nginx")
    upstreams = "".join(f"upstream {name} {{ server 127.0.0.1:9; }}\n" for name in ("api", "grafana"))
    (folder / "upstreams.conf").write_text(upstreams)
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


@pytest.mark.parametrize("script", [settings.ROOT / "deploy" / "entrypoint.sh", FOLLOW], ids=lambda p: p.name)
def test_scripts_of_the_image_are_valid_for_any_shell(script: Path):
    shell = require_command("sh")
    assert subprocess.run([shell, "-n", script], check=False).returncode == 0
    assert script.stat().st_mode & 0o111
