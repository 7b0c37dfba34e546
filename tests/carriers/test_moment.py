from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.carriers.moment import read, rfc3339

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "11-03-2026T12:00:00",
        "11-03-2026T12:00:00Z",
        "11-03-2026T14:00:00+02:00",
        "03/Nov/2026:12:00:00:000 +0000",
        "03/Nov/2026:14:00:00:000 +0200",
        "3/nov/2026:12:00:00",
        "2026-11-03T12:00:00",
        "2026-11-03 12:00:00.000",
        "2026-11-03T12:00:00Z",
        "2026-11-03T07:00:00-05:00",
        "1793707200000",
        "1793707200",
        "1793707200000.0",
        "Tue Nov 03 2026 12:00:00 GMT+0000 (UTC)",
        "Tue Nov 3 2026 20:00:00 GMT+0800 (Philippine Standard Time)",
        " 2026-11-03T12:00:00Z ",
    ],
)
def test_every_notation_seen_is_read(written: str) -> None:
    assert read(written, UTC) == NOON


@pytest.mark.parametrize(
    "written",
    [None, "", "noon", "13-03-2026T12:00:00", "31/Feb/2026:12:00:00:000", "03/Xyz/2026:12:00:00",
     "9" * 13 + "9", "2026", "0001-01-01T00:00:00+23:00"],
)  # fmt: skip
def test_what_is_no_time_is_none(written: str | None) -> None:
    assert read(written, UTC) is None


def test_a_zoneless_time_is_in_the_listeners_zone() -> None:
    chicago = ZoneInfo("America/Chicago")
    assert read("07-01-2026T12:00:00", chicago) == datetime(2026, 7, 1, 17, tzinfo=UTC)
    assert read("07-01-2026T12:00:00Z", chicago) == datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("2018-04-05T17:31:00Z", True),
        ("2018-04-05t17:31:00z", True),
        ("2018-04-05T17:31:00.123456789+01:00", True),
        ("2016-12-31T23:59:60Z", True),
        ("2018-04-05T17:31Z", False),
        ("2018-04-05T17:31:00", False),
        ("2018-04-05T17:31:00+05", False),
        ("2018-04-05T17:31:00+25:00", False),
        ("2018-04-05T24:00:00Z", False),
        ("2018-02-30T00:00:00Z", False),
        ("20180405T173100Z", False),
    ],
)
def test_a_cloudevents_time_is_rfc_3339_with_a_zone(text: str, valid: bool) -> None:
    assert (rfc3339(text) is not None) is valid


def test_a_leap_second_is_the_second_after() -> None:
    assert rfc3339("2016-12-31T23:59:60Z") == datetime(2017, 1, 1, tzinfo=UTC)


@given(st.text(max_size=40), st.sampled_from([UTC, ZoneInfo("Asia/Kolkata")]))
def test_no_text_raises_and_all_times_are_utc(text: str, zone: tzinfo) -> None:
    found = read(text, zone)
    assert found is None or found.tzinfo is UTC
