"""The table in docs/dialects.md: what comes of every call."""

from collections.abc import Sequence

from tests.dialects.check import Result
from tests.dialects.refusals import HEADINGS
from tests.settings import ROOT

PAGE = ROOT / "docs" / "dialects.md"
START, END = "<!-- table: make dialects -->\n", "<!-- end of table -->\n"
COLUMNS = ("dialect", "call", "body", "answers", *HEADINGS)


def table(results: Sequence[Result]) -> str:
    """The lines between the marks of the page."""
    head = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"
    return head + "".join(map(line, results))


def line(result: Result) -> str:
    """What came of one call; a dash for what its body cannot say."""
    contract, count = result.contract, len(result.answered)
    answers = "differ" if result.problems else f"equal, {count} models"
    statuses = [str(result.statuses.get(heading, "–")) for heading in HEADINGS]
    return f"| {' | '.join([contract.dialect, f'`{contract.call}`', contract.body, answers, *statuses])} |\n"


def shown() -> str:
    """The table that stands on the page."""
    return PAGE.read_text().split(START)[1].split(END)[0]


def write(results: Sequence[Result]) -> None:
    """Put the results into the page."""
    before, rest = PAGE.read_text().split(START)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{START}{table(results)}{END}{after}")
