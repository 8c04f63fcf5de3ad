"""The compose stack, started from a copy of the project under a name of its own."""

import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic
from typing import Any

from tests import settings
from tests.services import PATIENCE, free_port, missing, wait_until

# Stands where docker does on machines without it.
CONTAINERS = settings.ROOT.parent / "shared" / "tools" / "containers"
LEFT_OUT = {".git", ".venv", ".env", ".bench", "models", "logs"}
IMAGE = "model-service-drill"
START = 300  # seconds: building the image and training
LIMIT = 100_000  # requests an hour of a key
ROW = json.dumps({"features": [0.1] * 20})
JSON = {"Content-Type": "application/json"}


class Stack:
    """A running stack; only its nginx can be reached, at ``port``."""

    image = IMAGE

    def __init__(self, directory: Path, commands: "Commands") -> None:
        self.name = f"drill-{secrets.token_hex(4)}"
        self.port = free_port()
        self.key = secrets.token_urlsafe(24)
        self.spare_key = secrets.token_urlsafe(24)
        self.started_in = 0.0
        self._commands = commands
        self._directory = directory / "project"
        shutil.copytree(
            settings.ROOT,
            self._directory,
            ignore=lambda folder, names: LEFT_OUT if Path(folder) == settings.ROOT else (),
        )
        variables = {
            "API_KEY_1": self.key,
            "API_KEY_2": self.spare_key,
            "REDIS_PASSWORD": secrets.token_hex(16),
            "HTTP_PORT": self.port,
            "NETWORK_PREFIX": self.unused_network(),
            "IMAGE": IMAGE,
            "RATE_LIMIT": f"{LIMIT}/hour",
        }
        lines = "".join(f"{name}={value}\n" for name, value in variables.items())
        example = (self._directory / ".env.example").read_text()
        (self._directory / ".env").write_text(example + lines)

    def compose(self, *arguments: str) -> str:
        """What ``docker compose`` with these arguments prints."""
        # What the shell sets goes before .env, as compose reads it.
        own = {"API_KEY_1", "API_KEY_2", "REDIS_PASSWORD", "HTTP_PORT", "NETWORK_PREFIX", "IMAGE"}
        environment = {name: value for name, value in os.environ.items() if name not in own}
        command = [*self._commands.compose, "-p", self.name, *arguments]
        return run(*command, cwd=self._directory, env=environment)

    def engine(self, *arguments: str) -> str:
        """What ``docker`` with these arguments prints."""
        return run(*self._commands.engine, *arguments)

    def unused_network(self) -> str:
        """The beginning of addresses that no network of the engine has, as that of a killed drill may."""
        networks = self.engine("network", "inspect", *self.engine("network", "ls", "-q").split())
        unused = [f"172.30.{number}" for number in range(1, 255) if f'"172.30.{number}.' not in networks]
        return secrets.choice(unused)

    def up(self, replicas: int) -> None:
        """Build what is not built, start what does not run, and wait until all replicas are ready."""
        began = monotonic()
        self.compose("up", "-d", "--build", "--scale", f"api={replicas}")
        wait_until(lambda: len(self.containers("api")) == replicas, START)
        for replica in self.containers("api"):
            self.wait_for(replica)
        wait_until(self.answers, START)
        self.started_in = monotonic() - began

    def build(self, target: str) -> str:
        """Build another target of the Dockerfile; returns the image's name."""
        image = f"{self.image}:{target}"
        options = ["-t", image, "--target", target, str(self._directory)]
        self.engine("build", *self._commands.building, *options)
        return image

    @contextmanager
    def alone(self, image: str, command: str) -> Iterator[str]:
        """A container with the stack's models where SageMaker puts them, for everybody, nothing beside it."""
        options = ["--read-only", "--tmpfs", "/tmp", "-v", f"{self.name}_models:/opt/ml/model:ro"]
        options += ["-e", "AUTH_DISABLED=true", "--stop-timeout", "45"]
        container = self.engine("run", "-d", *options, image, command).strip()
        try:
            yield container
        finally:
            self.engine("rm", "-f", container)

    def down(self, *, volumes: bool = False) -> None:
        """Remove the containers, and with ``volumes`` what they stored."""
        # podman-compose knows nothing of replicas that were added by --scale.
        for service in ("nginx", "api"):
            for container in self.containers(service, all_states=True):
                self.engine("stop", "-t", "45", container)
                self.engine("rm", container)
        self.compose("down", *(["-v"] if volumes else []))

    def containers(self, service: str, *, all_states: bool = False) -> list[str]:
        """The ids of the running containers of a service, or of all of them."""
        labels = (f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}")
        filters = [word for label in labels for word in ("--filter", f"label={label}")]
        states = ["-a"] if all_states else []
        return sorted(self.engine("ps", "-q", "--no-trunc", *states, *filters).split())

    def inspect(self, container: str) -> Any:
        """All that the engine knows about a container."""
        return json.loads(self.engine("inspect", container))[0]

    def wait_for(self, replica: str) -> None:
        """Wait until a replica can predict and nginx knows of it."""
        self.wait_until_healthy(replica)
        (nginx,) = self.containers("nginx")
        # A container that starts again may have another address.
        servers = f"server {self.address(replica)}:8080 "
        wait_until(lambda: self.succeeds(nginx, "grep", "-q", servers, "/tmp/upstreams.conf"))

    def wait_until_healthy(self, container: str) -> None:
        """Wait until the check that the container's image comes with succeeds."""
        check = self.inspect(container)["Config"]["Healthcheck"]["Test"][1:]
        wait_until(lambda: self.succeeds(container, *check))

    def address(self, container: str) -> str:
        """Its address in the first of its networks."""
        networks = self.inspect(container)["NetworkSettings"]["Networks"]
        return next(iter(networks.values()))["IPAddress"]

    def logged(self, service: str, event: str) -> int:
        """How often the running containers of a service have logged something."""
        return sum(self.engine("logs", container).count(event) for container in self.containers(service))

    def succeeds(self, container: str, *command: str) -> bool:
        """Whether a command in a container ends well."""
        try:
            self.engine("exec", container, *command)
        except CommandFailed:
            return False
        return True

    def revive(self, container: str) -> None:
        """Start a container again that was killed by hand, which no restart policy does."""
        wait_until(lambda: not self.inspect(container)["State"]["Running"])
        self.engine("start", container)

    def ask(
        self,
        method: str = "POST",
        path: str = "/api/predict",
        *,
        key: str | None = None,
        body: str | None = ROW,
    ) -> tuple[int, Any, Any]:
        """One request through nginx: status, headers and the JSON of the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, JSON | ({"X-API-Key": key} if key else {}))
            response = connection.getresponse()
            return response.status, response.headers, json.loads(response.read())
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether a prediction through nginx succeeds."""
        try:
            return self.ask(key=self.spare_key)[0] == 200
        except (OSError, HTTPException):
            return False

    def replicas_that_answered(self) -> set[str]:
        """The addresses of the replicas that nginx had an answer from, out of its access log."""
        (nginx,) = self.containers("nginx")
        return set(re.findall(r'"replica":"(?:[^"]*, )?([\d.]+:\d+)"', self.engine("logs", nginx)))

    def versions(self) -> list[str]:
        """The versions in the store, as an operator lists them in a replica."""
        command = ["flask", "--app", "run", "models", "list", "--json"]
        listed = json.loads(self.engine("exec", self.containers("api")[0], *command))
        return [version["version"] for version in listed]


class CommandFailed(AssertionError):
    """A command of compose or of the engine ended with an error."""


def run(*command: str, **options: Any) -> str:
    """What a command prints on standard output."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if ended.returncode:
        raise CommandFailed(f"{' '.join(command)}: {ended.stderr[-3000:]}")
    return ended.stdout


@contextmanager
def stack(directory: Path) -> Iterator[Stack]:
    """A stack that is not up yet; at the end nothing of it is left but the image, whose layers build fast."""
    own = Stack(directory, container_commands())
    try:
        yield own
    finally:
        own.down(volumes=True)


@dataclass(frozen=True)
class Commands:
    """What stands for ``docker compose`` and for ``docker``, and options of the latter's ``build``."""

    compose: Sequence[str]
    engine: Sequence[str]
    building: Sequence[str] = ()


def container_commands() -> Commands:
    """The commands for containers; the test is skipped where there are none."""
    if shutil.which("docker") and all(map(works, ("docker info", "docker compose version"))):
        return Commands(["docker", "compose"], ["docker"])
    if not CONTAINERS.is_dir():
        missing("neither a Docker engine nor ../shared/tools/containers is there")
    if not shutil.which("podman"):
        missing("../shared/tools/containers/setup has not been run")
    building = ["--isolation=chroot", "--pull=never", "--network=host"]
    return Commands([str(CONTAINERS / "compose")], [str(CONTAINERS / "podman")], building)


def works(command: str) -> bool:
    """Whether a command succeeds; a client of Docker may be there without an engine."""
    return subprocess.run(command.split(), capture_output=True, check=False).returncode == 0
