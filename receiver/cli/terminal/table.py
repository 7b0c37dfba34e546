"""Tables that fit the terminal: each column whole but the last, which is folded. Where that is not
enough room each row is a block of lines.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from receiver.cli.terminal.output import printable, terminal

PAGE: Final = 1000
"""Rows that are laid out together: of 100,000 that takes a minute, in which nothing would be
seen."""
_GAP: Final = 2
_LEAST: Final = 16
"""Characters of a folded column, at least."""


def print_table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Print rows under the names of their columns, and return how many there were; the last column
    is the longest text. Whole numbers are to the right; columns in which nothing stands are left
    out. Of many rows each page is printed, with the names, as soon as it is there.
    """
    left, count = iter(rows), 0
    while page := [list(row) for row in islice(left, PAGE)]:
        if count:
            terminal().print()
        _print_page(names, page)
        count += len(page)
    return count


def _print_page(names: Sequence[str], found: list[list[object]]) -> None:
    kept = [at for at in range(len(names)) if any(row[at] not in ("", None) for row in found)]
    names = [names[at] for at in kept]
    numbers = [all(type(row[at]) is int for row in found) for at in kept]
    cells = [[_cell(row[at]) for at in kept] for row in found]
    if not cells or not names:
        return
    _print_columns(names, cells, numbers) if _fits(names, cells) else _print_blocks(names, cells)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if type(value) is int else printable(value)


def _fits(names: Sequence[str], cells: list[list[str]]) -> bool:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(names, *cells, strict=True)]
    rest = terminal().width - sum(widths[:-1]) - _GAP * (len(names) - 1)
    return rest >= min(widths[-1], _LEAST)


def _print_columns(names: Sequence[str], cells: list[list[str]], numbers: list[bool]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for at, name in enumerate(names):
        options: Any = {"overflow": "fold"} if at == len(names) - 1 else {"no_wrap": True}
        table.add_column(name, justify="right" if numbers[at] else "left", **options)
    for row in cells:
        table.add_row(*map(_text, row))
    terminal().print(table)


def _print_blocks(names: Sequence[str], cells: list[list[str]]) -> None:
    for at, row in enumerate(cells):
        if at:
            terminal().print()
        print_pairs((name, cell) for name, cell in zip(names, row, strict=True) if cell)


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Print a line for each name and value; long values are folded."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(_text(name), _text(_cell(value)))
    terminal().print(table)


def _text(cell: str) -> Any:
    from rich.text import Text

    return Text(cell)
