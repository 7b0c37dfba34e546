"""Tables on terminals of any width."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from receiver.cli.terminal import kept_tables, output
from receiver.cli.terminal.table import PAGE, print_table
from receiver.contract.records import Refusal
from receiver.operations.dead_letters import Summary
from receiver.operations.rejected_requests import Found

NAMES = ("id", "at", "count", "nothing", "why")
ROWS = [
    ("1764000000000-0", "2026-11-28T02:00:00", 1200, "", "the consumer answered 503 for 24 hours"),
    ("1764000000000-1", "2026-11-28T02:00:01", 7, "", "a \x1b[31mred\x1b[0m 漢字"),
]


def shown(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    output.terminal.cache_clear()
    print_table(NAMES, ROWS)
    output.terminal.cache_clear()
    return capsys.readouterr().out


def test_what_fits_is_a_row_each_and_empty_columns_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line.rstrip() for line in shown(100, monkeypatch, capsys).splitlines()]
    assert lines == [
        "id               at                   count  why",
        "1764000000000-0  2026-11-28T02:00:00  1,200  the consumer answered 503 for 24 hours",
        "1764000000000-1  2026-11-28T02:00:01      7  a \N{REPLACEMENT CHARACTER}[31mred"
        "\N{REPLACEMENT CHARACTER}[0m 漢字",
    ]


def test_the_last_column_is_folded_and_ids_and_times_are_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(66, monkeypatch, capsys).splitlines()
    assert max(map(len, lines)) <= 66
    assert sum("1764000000000-0  2026-11-28T02:00:00  1,200" in line for line in lines) == 1
    assert len(lines) > 3


def test_where_there_is_no_room_for_columns_each_row_is_a_block(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line.rstrip() for line in shown(40, monkeypatch, capsys).splitlines()]
    assert max(map(len, lines)) <= 40
    assert lines[:4] == [
        "id     1764000000000-0",
        "at     2026-11-28T02:00:00",
        "count  1,200",
        "why    the consumer answered 503 for 24",
    ]
    assert lines.count("") == 1


def test_nothing_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(NAMES, [])
    assert capsys.readouterr().out == ""


def _refused(number: int) -> Found:
    return Found(f"{number}-0", Refusal("att.sms.mo", "promo", "", 0, 400, "body: x", [], b"{}"))


def _dead(number: int) -> Summary:
    return Summary(id=f"{number}-0", at=0, kind="notification")


@pytest.mark.parametrize(
    ("show", "row"),
    [
        (lambda rows: print_table(("id", "why"), rows), lambda number: (f"{number}-0", "why")),
        (lambda rows: kept_tables.list_requests(rows, as_json=False), _refused),
        (lambda rows: kept_tables.list_letters(rows, as_json=False), _dead),
    ],
)
def test_of_many_rows_a_page_is_printed_before_the_rest_is_read(
    show: Callable[[Iterator[Any]], int],
    row: Callable[[int], Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen = []

    def rows() -> Iterator[Any]:
        for number in range(2 * PAGE + 1):
            seen.append(capsys.readouterr().out)
            yield row(number)

    output.terminal.cache_clear()
    assert show(rows()) == 2 * PAGE + 1
    output.terminal.cache_clear()
    seen.append(capsys.readouterr().out)
    assert f"{PAGE - 1}-0" in seen[PAGE]
    assert f"{2 * PAGE - 1}-0" in seen[2 * PAGE]
    printed = re.findall(r"\b(\d+)-0\b", "".join(seen))
    assert [int(number) for number in printed] == [*range(2 * PAGE + 1)]
