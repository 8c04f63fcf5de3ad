"""Steps of a long command: a spinner and the time on a terminal, a line for each step in a pipe."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Report = Callable[[str], None]


@contextmanager
def steps(first: str, console: Console | None = None) -> Iterator[Report]:
    """Show that ``first`` is under way; the function it yields takes the name of each further step.

    :param console: by default that of standard error, so that standard output holds only the result.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:

        def say(step: str) -> None:
            console.print(f"{step}…", markup=False, highlight=False, soft_wrap=True)

        say(first)
        yield say
        return
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{first}…")
        yield lambda step: progress.update(task, description=f"{step}…")
