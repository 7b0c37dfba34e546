"""Rows as a file, CSV or JSON lines: streamed, bounded, and complete or saying that it is not."""

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response, StreamingResponse

from receiver.runtime.redis_errors import DOWN

MOST: Final = 10_000
"""Rows of one file."""
CHUNK: Final = 200
TYPES: Final = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
_FORMULA: Final = frozenset("=+-@＝＋－＠")  # noqa: RUF001 - spreadsheets take those too
_json = msgspec.json.Encoder().encode

Row = Mapping[str, Any]


def download(name: str, kind: str, columns: Sequence[str], rows: Iterable[Row]) -> Response:
    """Return rows as a file `name` of a kind in `TYPES`. The last line says `incomplete` and why
    where there are more than `MOST` or Redis goes away. Raises `redis.RedisError` where it does
    before the first byte.
    """
    kind = kind if kind in TYPES else "csv"
    chunks = _chunks(iter(rows), _csv(columns) if kind == "csv" else _ndjson)
    first = next(chunks)
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    whole = itertools.chain([first], chunks)
    return StreamingResponse(whole, media_type=TYPES[kind], headers=headers)


def _chunks(rows: Iterator[Row], encode: Callable[[list[Row]], str]) -> Iterator[str]:
    """At least one, which may be empty."""
    left, begun = MOST, False
    while True:
        try:
            page = list(itertools.islice(rows, min(CHUNK, left)))
            more = left <= len(page) and next(rows, None) is not None
        except DOWN:
            if not begun:
                raise
            yield encode([{"incomplete": "Redis does not answer: rows are missing"}])
            return
        yield encode(page)
        left, begun = left - len(page), True
        if more:
            yield encode([{"incomplete": f"only the first {MOST} rows are here"}])
        if more or len(page) < CHUNK or not left:
            return


def _ndjson(page: list[Row]) -> str:
    return "".join(f"{_json(one).decode()}\n" for one in page)


def _csv(columns: Sequence[str]) -> Callable[[list[Row]], str]:
    """RFC 4180, the columns' names first."""
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
