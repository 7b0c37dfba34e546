"""The overview's charts: what they draw, what is said of them, and that they come anew."""

import re
import time

import pytest
from starlette.testclient import TestClient

from receiver.console import charts
from receiver.console.charts import WINDOWS
from receiver.console.pages import overview
from receiver.contract.records import Sample
from receiver.contract.redis_keys import HISTORY
from receiver.operations.history import MINUTE
from tests.support.console_history import fill_history
from tests.support.valkey import Valkey

NOW = 29_000_000 * MINUTE + 30_000
BUCKETS = [0] * 15


def taken(
    minutes_ago: int, accepted: int, *, waiting: int = 0, buckets: list[int] = BUCKETS
) -> tuple[int, Sample]:
    at = NOW - NOW % MINUTE - minutes_ago * MINUTE
    return at, Sample(accepted, 0, 0, 0, waiting, 0, buckets)


def test_a_chart_says_in_a_sentence_what_it_draws() -> None:
    buckets = [*BUCKETS]
    buckets[2] = 100  # between 5 and 10 ms
    samples = [
        taken(3, 0),
        taken(2, 100),
        taken(1, 1300, waiting=70),
        taken(0, 1450, buckets=buckets),
    ]
    rate, published, waiting, failures = charts.charts(samples, 1, NOW).charts
    assert rate.summary == (
        "Notifications a minute, the last 1 h: 150 now, 100 at least, 1\u202f200 at most"
    )
    assert (rate.latest, rate.top) == ("150", "2\u202f000")
    assert rate.line == "M57.5 95.2L58.5 42.4L59.5 92.8"
    assert rate.area == f"{rate.line}V100H57.5Z"
    assert [one.said.partition(" · ")[2] for one in rate.points] == ["100", "1\u202f200", "150"]
    assert (published.latest, published.top) == ("9.8 ms", "10 ms")
    assert (waiting.latest, waiting.top) == ("0", "100")
    assert (failures.latest, failures.is_bad) == ("0", False)


def test_a_point_between_two_gaps_can_be_seen() -> None:
    drawn = charts.charts([taken(30, 0, waiting=1), taken(20, 5, waiting=2)], 1, NOW)
    assert drawn.charts[2].line == "M29 52.0L30 52.0M39 4.0L40 4.0"
    assert drawn.charts[0].line == ""


@pytest.mark.parametrize("hours", WINDOWS)
def test_the_table_has_twelve_rows_with_the_greatest_values(hours: int) -> None:
    samples = [taken(number, 10 * (3000 - number)) for number in range(48 * 60, -1, -1)]
    drawn = charts.charts(samples, hours, NOW)
    assert len(drawn.rows) == 12
    assert {row.values[0] for row in drawn.rows} == {"10"}
    assert all(re.fullmatch(r"\d\d:\d\d", row.at) for row in drawn.rows)
    assert [row.values[1] for row in drawn.rows] == [charts.NONE] * 12


def test_before_the_first_samples_the_page_says_when_they_come(operator: TestClient) -> None:
    page = operator.get("/").text
    assert page.count("<svg") == 4
    assert "The first points come two minutes after" in page
    assert "no sample yet" in page


@pytest.mark.parametrize(
    ("asked", "shown"), [("", 6), ("?hours=1", 1), ("?hours=48", 48), ("?hours=7", 6)]
)
def test_the_hours_are_chosen_by_the_address(
    operator: TestClient, valkey: Valkey, asked: str, shown: int
) -> None:
    fill_history(valkey.client(), 300, int(time.time() * 1000))
    page = operator.get(f"/{asked}").text
    assert f"Notifications a minute, the last {shown} h: " in page
    assert f'hx-get="/charts?hours={shown}"' in page
    assert "The first points come" not in page
    assert f"the last {shown} h: " in operator.get(f"/charts?hours={shown}").text
    assert "<svg" not in operator.get("/charts?as=table").text


def test_a_history_of_another_program_takes_only_the_charts(
    operator: TestClient, valkey: Valkey
) -> None:
    valkey.client().set(HISTORY, "not a stream")
    page = operator.get("/")
    assert page.status_code == 200
    assert "no sample yet" in page.text


def test_while_redis_is_gone_the_last_charts_stay(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FRESH", "CHARTS_FRESH"):
        monkeypatch.setattr(overview, name, 0.0)
    fill_history(valkey.client(), 300, int(time.time() * 1000))
    said = re.search(r"Notifications a minute, the last 6 h: .*?at most", operator.get("/").text)
    assert said
    valkey.kill()
    page = operator.get("/?hours=6").text
    assert "Redis does not answer" in page
    assert said[0] in page
