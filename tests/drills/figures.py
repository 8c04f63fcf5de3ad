"""What the drills measured, as a table for people and between two marks of a page."""

from dataclasses import dataclass
from pathlib import Path

START, END = "<!-- figures -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, beside what is promised."""

    drill: str
    what: str
    measured: str
    promised: str


def table(figures: list[Figure]) -> str:
    """The figures as Markdown, in the order in which they were measured."""
    rows = [f"| {f.drill} | {f.what} | {f.measured} | {f.promised} |" for f in figures]
    return "\n".join(["| drill | what | measured | promised |", "|---|---|---|---|", *rows])


def write(page: Path, figures: list[Figure]) -> None:
    """Replace what stands between the marks of the page."""
    before, _, rest = page.read_text().partition(START)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{START}\n{table(figures)}\n{END}{after}")
