"""Figures of a run, their medians, and the file they are kept in."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Figures:
    """Figures of one server under one kind of load.

    ``cpu_us_per_request`` is user and system time of all its processes; ``worker_mb`` the private
    memory of one worker; ``startup_s`` the time to the first prediction.
    """

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us_per_request: float
    worker_mb: float
    startup_s: float


@dataclass(frozen=True)
class Run:
    """One server, model, number of rows and round, with ``figures`` or the reason (``void``) for none."""

    peer: str
    model: str
    rows: int
    round: int
    figures: Figures | None = None
    void: str | None = None


@dataclass(frozen=True)
class Row:
    """The medians of all rounds; void if any round is."""

    peer: str
    model: str
    rows: int
    figures: Figures | None
    void: str | None


def summarise(runs: Iterable[Run]) -> list[Row]:
    """One row for each server, model and number of rows, in the order of their first run."""
    grouped: dict[tuple[str, str, int], list[Run]] = defaultdict(list)
    for run in runs:
        grouped[run.peer, run.model, run.rows].append(run)
    return [_row(group) for group in grouped.values()]


def _row(runs: list[Run]) -> Row:
    first = runs[0]
    void = next((run.void for run in runs if run.void), None)
    found = [run.figures for run in runs if run.figures]
    figures = None if void or not found else medians(found)
    return Row(first.peer, first.model, first.rows, figures, void)


def medians(found: list[Figures]) -> Figures:
    """Median of each figure."""
    names = [field.name for field in fields(Figures)]
    return Figures(**{name: median(getattr(figures, name) for figures in found) for name in names})


@dataclass(frozen=True)
class Report:
    """Contents of a results file; ``about`` has date, machine, versions and settings."""

    about: dict[str, Any]
    rows: list[Row]
    runs: list[Run]

    def save(self, file: Path, *, budgets: list[dict[str, Any]]) -> None:
        """Write the report as JSON; only people read ``budgets``."""
        document = self.about | {
            "medians": [asdict(row) for row in self.rows],
            "budgets": budgets,
            "rounds": [asdict(run) for run in self.runs],
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=1) + "\n")

    @classmethod
    def read(cls, file: Path) -> "Report":
        document = json.loads(file.read_text())
        runs = [_run(item) for item in document.pop("rounds")]
        for computed in ("medians", "budgets"):
            del document[computed]
        return cls(document, summarise(runs), runs)


def _run(item: dict[str, Any]) -> Run:
    figures = item["figures"]
    return Run(**item | {"figures": Figures(**figures) if figures else None})


def newest(folder: Path = FOLDER) -> Path | None:
    """The last results file, by its name, which is a date."""
    return max(folder.glob("*.json"), default=None)
