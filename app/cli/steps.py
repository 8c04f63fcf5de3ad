"""Steps of a long command: a bar and the time on a terminal, a line for each step in a pipe."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column


class Step(Protocol):
    """Names the step that is under way, and the share of it that is done, 0 to 1, where it is known."""

    def __call__(self, step: str, share: float | None = None, /) -> None: ...


@contextmanager
def steps(first: str, console: Console | None = None) -> Iterator[Step]:
    """Show that ``first`` is under way; the function it yields takes the name of each further step.

    :param console: by default that of standard error, so that standard output holds only the result.
    """
    console = console or Console(stderr=True)
    if console.is_terminal:
        with _bar(first, console) as show:
            yield show
        return
    said = ""

    def say(step: str, share: float | None = None, /) -> None:
        nonlocal said
        if step != said:
            console.print(f"{step}…", markup=False, highlight=False, soft_wrap=True)
        said = step

    say(first)
    yield say


@contextmanager
def _bar(first: str, console: Console) -> Iterator[Step]:
    """A bar that runs where no share is known, the time of the step, and the time left."""
    name = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
    columns = (
        SpinnerColumn(),
        name,
        BarColumn(24),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{first}…", total=None)

        def show(step: str, share: float | None = None, /) -> None:
            if progress.tasks[task].description != f"{step}…":
                progress.reset(task, description=f"{step}…", total=None)
            if share is not None:
                progress.update(task, total=1.0, completed=share)

        yield show
