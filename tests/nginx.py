"""The project's own nginx.conf, run here: other addresses, ports and folder, and nothing else changed."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.services import PATIENCE, Service, free_port, require_command, start, wait_until
from tests.settings import ROOT

SOURCE = ROOT / "nginx.conf"
CONFIGURE = ROOT / "deploy" / "nginx" / "configure.sh"
STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
TLS = re.compile(r"(?m)^ *# --- TLS.*\n((?: *# .*\n)+?) *# --- end of TLS\n")


def relocated(text: str, directory: Path) -> str:
    """nginx.conf with ``directory`` in place of /tmp and /etc/nginx/tls."""
    for old in (" /tmp/", " /etc/nginx/tls/"):
        assert old in text, old
        text = text.replace(old, f" {directory}/")
    return text


def configure(directory: Path, *, port: int, tls_port: int, stream: bool = True, **variables: object) -> str:
    """Write what nginx.conf includes, as configure.sh does with these settings; ports are of 127.0.0.1.

    :param stream: whether there may be a stream module.
    :returns: what configure.sh said.
    """
    script = directory / "configure.sh"
    text = CONFIGURE.read_text()
    script.write_text(text if stream else text.replace(str(STREAM), f"{directory}/missing.so"))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NGINX_", "MAX_"))}
    given = inherited | {name: str(value) for name, value in variables.items()}
    command = ["sh", str(script), str(directory)]
    said = subprocess.run(command, env=given, capture_output=True, text=True, check=False).stderr
    for file in (directory / name for name in ("front.conf", "listen.conf", "listen-tls.conf")):
        if file.exists():
            text = file.read_text().replace("listen 8080 ", f"listen 127.0.0.1:{port} ")
            file.write_text(text.replace("listen 8443 ", f"listen 127.0.0.1:{tls_port} "))
    return said


def with_tls(text: str) -> str:
    """nginx.conf with the comment signs before its TLS lines taken off, as it asks for."""
    return TLS.sub(lambda block: block[1].replace("# ", ""), text)


def upstreams(*replicas: int) -> str:
    """The list that follow-replicas.sh writes, of these ports."""
    api = "".join(f"    server 127.0.0.1:{port} max_fails=3 fail_timeout=2s;\n" for port in replicas)
    end = "    keepalive 32;\n    keepalive_timeout 60s;\n}\n"
    return "".join(
        f"upstream {name} {{\n    zone {name} 64k;\n{servers}{end}"
        for name, servers in {"api": api, "grafana": "    server 127.0.0.1:9 down;\n"}.items()
    )


class Nginx(Service):
    """nginx in front of replicas; asked as they are."""

    tls_port: int

    def listens(self) -> bool:
        """Whether it takes connections."""
        assert self.process.poll() is None, self.output.read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except ConnectionError:
            return False
        return True

    def follow(self, *replicas: int) -> None:
        """Tell it other replicas, as follow-replicas.sh does."""
        (self.output.parent / "upstreams.conf").write_text(upstreams(*replicas))
        before = self.workers()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not set(before) & set(self.workers()))

    def lines(self) -> list[str]:
        """What it logged."""
        return self.output.read_text().splitlines()


def command(directory: Path, *options: str) -> list[str]:
    """nginx with the configuration in ``directory``."""
    # As root its workers would be nobody, who may not look into pytest's folders.
    user = ["user root;"] if os.geteuid() == 0 else []
    directives = " ".join([*user, "daemon off;"])
    return [require_command("nginx"), "-c", str(directory / "nginx.conf"), "-g", directives, *options]


@contextmanager
def nginx(
    directory: Path, *replicas: int, text: str | None = None, stream: bool = True, **variables: object
) -> Iterator[Nginx]:
    """nginx in front of these ports, with these settings.

    :param text: nginx.conf, changed by the test.
    :param stream: whether it may use its stream module, if it has one.
    """
    port, tls_port = free_port(), free_port()
    directory.mkdir(parents=True, exist_ok=True)
    source = SOURCE.read_text() if text is None else text
    (directory / "nginx.conf").write_text(relocated(source, directory))
    configure(directory, port=port, tls_port=tls_port, stream=stream, **variables)
    (directory / "upstreams.conf").write_text(upstreams(*replicas))
    output = directory / "nginx.log"
    with output.open("ab") as log:
        process = start(command(directory), stdout=log, stderr=log)
    proxy = Nginx(port, process, output)
    proxy.tls_port = tls_port
    try:
        wait_until(lambda: proxy.listens() and proxy.workers())  # it listens before there is one
        yield proxy
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def certificate(directory: Path, names: Sequence[str] = ("localhost",)) -> Path:
    """A certificate of the test's own making, where nginx.conf looks for it; returns it for the client."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "fullchain.pem"
    subject = ",".join(f"DNS:{name}" for name in names)
    subprocess.run(
        [
            *(require_command("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=test"),
            *("-addext", f"subjectAltName={subject}"),
            *("-keyout", str(directory / "privkey.pem"), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    return path
