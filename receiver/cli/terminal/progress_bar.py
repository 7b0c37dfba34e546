"""A progress bar on stderr, for people only."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Found = TypeVar("Found")


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, on a terminal; yield a function to call with how many more are done."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


@contextmanager
def selecting(
    what: str, asked: int, stored: int, select: Callable[[Callable[[int], None]], Iterable[Found]]
) -> Iterator[Iterable[Found]]:
    """Show a bar over what `select` finds, and yield that. It counts the ids that were asked for;
    where none were, all that is looked at.
    """
    with progress(what, asked or stored) as bar:
        yield _counting(select(lambda _: None), bar) if asked else select(bar)


def _counting(found: Iterable[Found], bar: Callable[[int], None]) -> Iterator[Found]:
    for one in found:
        bar(1)
        yield one
