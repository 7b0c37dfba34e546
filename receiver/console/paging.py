"""Lists whose length nobody bounds, a page at a time."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request

from receiver.console import forms

ROWS: Final = 500


class Shown(msgspec.Struct, frozen=True):
    """Some rows of a list, in its order."""

    rows: Sequence[Any]
    start: int
    """How many stand before them."""
    total: int

    @property
    def before(self) -> int:
        """Return where the page before begins."""
        return max(0, self.start - ROWS)

    @property
    def end(self) -> int:
        """Return how many of the list end with them."""
        return self.start + len(self.rows)


def shown(request: Request, rows: Sequence[Any]) -> Shown:
    """Return the rows that the address asks for with `from`, at most `ROWS`; else the first."""
    asked = forms.number(request.query_params, "from")
    start = asked if asked < len(rows) else 0
    return Shown(rows[start : start + ROWS], start, len(rows))
