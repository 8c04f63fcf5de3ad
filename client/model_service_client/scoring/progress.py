"""Progress on a terminal: by rich or tqdm, whichever is installed, else a line now and then."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import monotonic

# Rows so far, and the share of the file that has been read, from 0 to 1.
Update = Callable[[int, float], None]
INTERVAL = 5.0  # seconds between two lines


def progress(name: str, *, shown: bool | None = None) -> AbstractContextManager[Update]:
    """Show on stderr how far a file is.

    :param shown: whether to; unless it is said, only on a terminal.
    """
    if not (sys.stderr.isatty() if shown is None else shown):
        return nullcontext(lambda rows, share: None)
    for bar in (_rich, _tqdm):
        try:
            return bar(name)
        except ImportError:
            continue
    return _lines(name)


def _rich(name: str) -> AbstractContextManager[Update]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(name), BarColumn(), TextColumn("{task.fields[rows]:,} rows"), TimeRemainingColumn())

    @contextmanager
    def bar() -> Iterator[Update]:
        with Progress(*columns, console=Console(stderr=True)) as shown:
            task = shown.add_task(name, total=1.0, rows=0)
            yield lambda rows, share: shown.update(task, completed=share, rows=rows)

    return bar()


def _tqdm(name: str) -> AbstractContextManager[Update]:
    from tqdm import tqdm

    @contextmanager
    def bar() -> Iterator[Update]:
        with tqdm(total=100, desc=name, unit="%", file=sys.stderr) as shown:

            def update(rows: int, share: float) -> None:
                shown.set_postfix(rows=rows, refresh=False)
                shown.update(round(100 * share) - shown.n)

            yield update

    return bar()


@contextmanager
def _lines(name: str) -> Iterator[Update]:
    told = monotonic()

    def update(rows: int, share: float) -> None:
        nonlocal told
        if monotonic() - told >= INTERVAL or share == 1.0:
            told = monotonic()
            print(f"{name}: {rows:,} rows, {share:.0%}", file=sys.stderr, flush=True)

    yield update
