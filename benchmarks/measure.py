"""Rounds: in each, every server is started in turn, checked, warmed up, loaded and stopped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product, repeat
from pathlib import Path

from benchmarks import processes, scenarios
from benchmarks.environments import InstallationError
from benchmarks.load import Generator, Load, LoadError
from benchmarks.models import Model
from benchmarks.peers import Peer
from benchmarks.results import Figures, Run
from benchmarks.servers import Server, StartError

LARGE = 1000
"""Rows per request from which on each worker gets one request at a time."""

Outcome = Figures | str
"""Figures of a run, or the reason for which it is void."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Parameters of a measurement; ``seconds`` and ``warm_up`` are per server and scenario."""

    peers: tuple[Peer, ...]
    models: tuple[Model, ...]
    rows: tuple[int, ...]
    rounds: int
    seconds: float
    warm_up: float
    connections: int
    workers: int
    cache: Path
    generator: Generator

    def connections_for(self, rows: int) -> int:
        """Number of connections: as many as workers for large batches, as others would only queue."""
        return self.workers if rows >= LARGE else self.connections

    def __len__(self) -> int:
        return len(self.peers) * len(self.models) * len(self.rows) * self.rounds


def measure(plan: Plan, announce: Callable[[str], None]) -> Iterator[Run]:
    """Run all measurements, interleaved, so that noise on the machine meets every server in some round.

    Only the server under load runs, because idle servers take CPU time too.
    """
    turns = list(product(plan.models, plan.peers))
    faults = {}
    for model, peer in turns:
        announce(f"preparing {peer.title}")
        faults[peer.name, model.name] = _prepare(_server(plan, peer, model))
    for round_, (model, peer) in product(range(1, plan.rounds + 1), turns):
        announce(f"round {round_}, {model.name}, {peer.title}")
        fault = faults[peer.name, model.name]
        outcomes = repeat(fault) if fault else _turn(plan, _server(plan, peer, model))
        for rows, outcome in zip(plan.rows, outcomes, strict=False):
            yield _run(peer, model, rows, round_, outcome)


def _server(plan: Plan, peer: Peer, model: Model) -> Server:
    return Server(peer, model, cache=plan.cache, workers=plan.workers)


def _prepare(server: Server) -> str | None:
    """Prepare a server; the reason if that fails, or else None."""
    try:
        server.environment.make()
        server.prepare()
    except (InstallationError, StartError) as error:
        return str(error)
    return None


def _turn(plan: Plan, server: Server) -> list[Outcome]:
    """Measure one server for each number of rows."""
    try:
        with server:
            return [_load(plan, server, rows) for rows in plan.rows]
    except (StartError, LoadError) as error:
        return [str(error)] * len(plan.rows)


def _load(plan: Plan, server: Server, rows: int) -> Outcome:
    requests = scenarios.requests(server.peer, server.model, rows)
    if fault := check(server, requests, rows):
        return fault
    url = server.url(requests.path)
    bodies = requests.write(plan.cache / "run" / "bodies")
    connections = plan.connections_for(rows)
    send = partial(plan.generator.run, url, bodies, connections=connections, headers=server.peer.headers)
    send(seconds=plan.warm_up)
    processes.settle(server.process)
    before = processes.cpu_seconds(server.process)
    load = send(seconds=plan.seconds)
    cpu = processes.cpu_seconds(server.process) - before
    worker_mb = server.worker_mb()
    processes.settle(server.process)
    return figures_of(load, cpu_s=cpu, worker_mb=worker_mb, startup_s=server.startup_s)


def _run(peer: Peer, model: Model, rows: int, round_: int, outcome: Outcome) -> Run:
    if isinstance(outcome, Figures):
        return Run(peer.name, model.name, rows, round_, figures=outcome)
    return Run(peer.name, model.name, rows, round_, void=outcome)


def check(server: Server, requests: scenarios.Requests, rows: int) -> str | None:
    """Compare a server's first answer with scikit-learn's; the reason if it is wrong, or else None."""
    try:
        status, answer = server.ask(requests.path, requests.bodies[0])
    except OSError as error:
        return f"no answer: {error}"
    if status != 200:
        return f"answered {status}"
    predict = getattr(server.model.pipeline, server.peer.method)
    expected = predict(scenarios.batch(server.model, rows))
    return None if scenarios.agrees(server.peer.decode(answer), expected) else "differs from scikit-learn"


def figures_of(load: Load, *, cpu_s: float, worker_mb: float, startup_s: float) -> Outcome:
    """Figures of a run, which one failed request makes void."""
    if load.failures:
        return f"{load.failures} of {load.requests} answers were not 2xx"
    if not load.requests:
        return "no answer in time"
    return Figures(
        requests_per_second=load.requests_per_second,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        cpu_us_per_request=cpu_s / load.requests * 1e6,
        worker_mb=worker_mb,
        startup_s=startup_s,
    )
