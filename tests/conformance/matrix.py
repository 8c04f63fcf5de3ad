"""The matrix of all cases, and the page that shows it."""

import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from textwrap import fill

from tests.conformance import boosted, estimators, frames, objects, outputs
from tests.conformance.case import Case
from tests.conformance.check import Result
from tests.settings import ROOT

PAGE = ROOT / "docs" / "conformance.md"
START, END = "<!-- table: make conformance -->", "<!-- end of table -->"
COLUMNS = (
    *("model", "engine", "answers compared", "labels that differ"),
    *("largest difference", "rows both refuse", "refusal"),
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"


@cache
def cases() -> dict[str, Case]:
    """Every case by its name, in the order of the page."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what scikit-learn is about to drop
        return {case.name: case for case in _all()}


def _all() -> Iterator[Case]:
    return chain(
        estimators.every_estimator(),
        estimators.wrapping(),
        boosted.boosted(),
        frames.dtypes(),
        frames.steps(),
        frames.texts(),
        frames.labels(),
        frames.adult(),
        objects.served(),
        outputs.cases(),
        objects.refused(),
    )


def summary(results: list[Result]) -> str:
    """The figures above the table."""
    served = [result for result in results if result.rows]
    compiled = sum(result.engine == "onnx" for result in served)
    refused = sum(result.refusal is not None for result in results)
    found = (
        f"{len(results)} models were brought: {len(served)} are served, {compiled} of them compiled, and"
        f" {refused} are refused in a sentence. {sum(r.rows for r in served):,} answers were compared:"
        f" {sum(r.labels_differ for r in served)} labels differ, and the largest difference of a number is"
        f" {max((r.largest for r in served), default=0.0):.1e}."
    )
    return f"{fill(found, 120)}\n"


def write(results: list[Result]) -> None:
    """Put the results into the page."""
    before, rest = PAGE.read_text().split(START)
    _, after = rest.split(END)
    table = HEAD + "".join(_lines(results))
    PAGE.write_text(f"{before}{START}\n{summary(results)}\n{table}{END}{after}")


def _lines(results: Iterable[Result]) -> Iterator[str]:
    for result in results:
        refusal = (result.refusal or "").replace("|", "\\|")
        if not result.rows:
            yield f"| {result.name} | – | – | – | – | – | {refusal} |\n"
            continue
        difference = f"{result.largest:.0e}" if result.largest else "0"
        yield (
            f"| {result.name} | {result.engine} | {result.rows:,} | {result.labels_differ} | {difference} |"
            f" {result.refused_by_both or ''} | |\n"
        )
