"""Each dialect against its own server, and large requests by format: ``python -m benchmarks.dialects``.

One row for a forest, then 10,000 rows for each model. MLServer 1.7.1 takes no binary tensors over HTTP, so
its JSON is what all large requests are compared with. MLflow's and KServe's servers answer with
probabilities, as in the other tables, and the service with labels: two numbers less for one row.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks import models
from benchmarks.client import Client
from benchmarks.measure import Plan, measure
from benchmarks.peers import Peer
from benchmarks.peers.dialects import (
    ARROW_STREAMS,
    INVOCATIONS,
    KSERVE,
    MLFLOW,
    MLSERVER,
    V1,
    V2,
    V2_BINARY,
)
from benchmarks.results import Row, Run, summarise
from benchmarks.table import new_table, number, scenario_title
from benchmarks.wrk import Wrk


@dataclass(frozen=True)
class Comparison:
    """The service through a dialect: at least ``limit`` times the requests per second of ``other``."""

    service: Peer
    other: Peer
    model: str
    rows: int
    limit: float


COMPARISONS = (
    Comparison(V2, MLSERVER, "rf100", 1, 5),
    Comparison(INVOCATIONS, MLFLOW, "rf100", 1, 5),
    Comparison(V1, KSERVE, "rf100", 1, 5),
    Comparison(V2, MLSERVER, "rf100", 10_000, 1),
    Comparison(V2_BINARY, MLSERVER, "rf100", 10_000, 2),
    Comparison(ARROW_STREAMS, MLSERVER, "rf100", 10_000, 2),
    Comparison(V2, MLSERVER, "logistic", 10_000, 1),
    Comparison(V2_BINARY, MLSERVER, "logistic", 10_000, 5),
    Comparison(ARROW_STREAMS, MLSERVER, "logistic", 10_000, 5),
)


@click.command()
@click.option("--cache", type=click.Path(path_type=Path, resolve_path=True), default=".bench")
@click.option("--rounds", default=3, show_default=True, help="Of which the medians count.")
@click.option("--seconds", default=5.0, show_default=True, help="Of load for each figure.")
@click.option("--workers", default=2, show_default=True, help="Processes of each server.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def main(cache: Path, rounds: int, seconds: float, workers: int, as_json: bool) -> None:
    """Measure every comparison, making the environments that are not there, and print the ratios."""
    console, settings = Console(stderr=True), {"rounds": rounds, "seconds": seconds, "workers": workers}
    runs: list[Run] = []
    for plan in plans(cache, **settings):
        runs += measure(plan, console.print)
    found = compared(summarise(runs))
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console(width=140).print(drawn(found))


def plans(cache: Path, **settings: Any) -> Iterator[Plan]:
    """A measurement for each model and number of rows, in which the servers take turns."""
    generator = Wrk() if shutil.which("wrk") else Client()
    for model, rows in dict.fromkeys((each.model, each.rows) for each in COMPARISONS):
        wanted = [each for each in COMPARISONS if (each.model, each.rows) == (model, rows)]
        peers = {peer.name: peer for each in wanted for peer in (each.service, each.other)}
        yield Plan(
            peers=tuple(peers.values()),
            models=(models.fit(model, cache),),
            rows=(rows,),
            cache=cache,
            generator=generator,
            connections=16,
            warm_up=3.0,  # the engine for batches is made meanwhile
            **settings,
        )


def compared(medians: list[Row]) -> list[dict[str, Any]]:
    """Each comparison with the requests/s of both servers and their ratio, or why there is none."""
    rows = {(row.peer, row.model, row.rows): row for row in medians}
    found = []
    for each in COMPARISONS:
        pair = [rows[peer.name, each.model, each.rows] for peer in (each.service, each.other)]
        own, others = (row.figures.requests_per_second if row.figures else None for row in pair)
        found.append(
            {
                "service": each.service.title,
                "other": each.other.title,
                "scenario": scenario_title(each.model, each.rows),
                "requests_per_second": own,
                "others": others,
                "ratio": own / others if own and others else None,
                "limit": each.limit,
                "void": [f"{row.peer}: {row.void}" for row in pair if row.void],
            }
        )
    return found


def drawn(found: list[dict[str, Any]]) -> Table:
    """The comparisons as a table for a terminal."""
    table = new_table("Requests/s through each dialect", caption_justify="left")
    for column in ("scenario", "", "against", "answers/s", "theirs", "ratio", "promised", ""):
        table.add_column(column)
    for each in found:
        speeds = [number(each[side]) if each[side] else "void" for side in ("requests_per_second", "others")]
        ratio, met = "", ""
        if each["ratio"]:
            ratio = f"× {number(each['ratio'])}"
            met = "[green]met" if each["ratio"] >= each["limit"] else "[red]missed"
        names = (each["scenario"], each["service"], each["other"])
        table.add_row(*names, *speeds, ratio, f"≥ {each['limit']:g}", met)
    table.caption = "\n".join(dict.fromkeys(reason for each in found for reason in each["void"])) or None
    return table


if __name__ == "__main__":
    main()
