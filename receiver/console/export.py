"""Rows as a file, CSV or JSON lines: streamed, bounded, and complete or saying that it is not."""

import csv
import io
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from receiver.console.app import slowly
from receiver.runtime.redis_errors import DOWN, in_words

MOST: Final = 10_000
"""Rows of one file."""
CHUNK: Final = 200
LARGE: Final = 1 << 20
"""Characters of rows after which a chunk goes with what there is."""
AT_A_TIME: Final = 0.5
"""Seconds after which a chunk goes with what there is."""
SECONDS: Final = 60.0
"""How long one file is worked on, what its reader takes not counted."""
TYPES: Final = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
_FORMULA: Final = frozenset("=+-@＝＋－＠")  # noqa: RUF001 - spreadsheets take those too
_json = msgspec.json.Encoder().encode

Row = Mapping[str, Any]
Rows = Callable[[], Iterator[Row | None]]
"""Begins to yield rows; None for some entries that were looked at in vain. May raise one of
`DOWN`."""


async def download(
    request: Request, name: str, kind: str, columns: Sequence[str], rows: Rows
) -> Response:
    """Return rows as a file `name` of a kind in `TYPES`. The last line says `incomplete` and why
    where there are more than `MOST`, they take longer than `SECONDS`, or Redis goes away. Raises
    what `rows` raises before the first byte.

    All of it is done among what is slow, a chunk at a time: between two, others have their turn,
    and who has hung up is noticed.
    """
    kind = kind if kind in TYPES else "csv"
    chunks = _chunks(rows, _csv(columns) if kind == "csv" else _ndjson)
    first = await slowly(request, next, chunks)
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    whole = _streamed(request, first, chunks)
    return StreamingResponse(whole, media_type=TYPES[kind], headers=headers)


async def _streamed(
    request: Request, first: str, chunks: Generator[str, None, None]
) -> AsyncIterator[str]:
    try:
        yield first
        while (chunk := await slowly(request, next, chunks, None)) is not None:
            yield chunk
    finally:
        with suppress(ValueError):  # its thread is at it still, and the last to hold it
            chunks.close()


def _chunks(rows: Rows, encode: Callable[[list[Row]], str]) -> Generator[str, None, None]:
    """Yield the encoded pages: at least one, which may be empty."""
    begun = False
    try:
        for page, why in _pages(rows):
            begun = True
            yield encode(page)
            if why:
                yield encode([{"incomplete": why}])
    except DOWN as error:
        if not begun:
            raise
        yield encode([{"incomplete": f"{in_words(error)}: rows are missing"}])


def _pages(rows: Rows) -> Iterator[tuple[list[Row], str]]:
    """Yield rows, and beside the last of them why these are not all."""
    found, left, worked, ended, why = rows(), MOST, 0.0, False, ""
    while not ended and not why:
        begun = time.monotonic()
        page, ended = _page(found, min(CHUNK, left + 1), begun + AT_A_TIME)
        worked += time.monotonic() - begun
        if len(page) > left:
            why = f"only the first {MOST} rows are here"
        elif worked > SECONDS and not ended:
            why = f"it took longer than {SECONDS:.0f} s: older rows are missing"
        yield page[:left], why
        left -= len(page)


def _page(rows: Iterator[Row | None], most: int, until: float) -> tuple[list[Row], bool]:
    """Return the next rows, as many as there are by then, and whether they are the last."""
    page: list[Row] = []
    size = 0
    for one in rows:
        if one is not None:
            page.append(one)
            size += sum(len(value) for value in one.values() if isinstance(value, str))
        if len(page) == most or size > LARGE or time.monotonic() > until:
            return page, False
    return page, True


def _ndjson(page: list[Row]) -> str:
    return "".join(f"{_json(one).decode()}\n" for one in page)


def _csv(columns: Sequence[str]) -> Callable[[list[Row]], str]:
    """Return an encoder of pages as CSV (RFC 4180), the columns' names first."""
    begun = False

    def encode(page: list[Row]) -> str:
        nonlocal begun
        text = io.StringIO()
        writer = csv.writer(text)
        if not begun:
            writer.writerow(columns)
            begun = True
        for one in page:
            if "incomplete" in one:
                writer.writerow([f"incomplete: {one['incomplete']}"])
            else:
                writer.writerow([cell(one.get(name)) for name in columns])
        return text.getvalue()

    return encode


def cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula: one that begins like one
    gets an apostrophe before it, as they write text themselves.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return _json(value).decode()
    formula = value.lstrip()[:1] in _FORMULA or value[:1] in "\t\r\n"
    return f"'{value}" if value and formula else value
