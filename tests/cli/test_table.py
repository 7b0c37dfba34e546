"""Tables on terminals of any width."""

import pytest

from receiver.cli.terminal import output
from receiver.cli.terminal.table import print_table

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


def test_nothing_is_no_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_table(NAMES, [])
    assert capsys.readouterr().out == ""
