from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.carriers.formats.timestamp import read, rfc3339

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
        "2026-11-03 12:00:00 UTC",
        "2026-11-03T12:00:00Z[UTC]",
        "2026-11-03T13:00:00+01:00[Europe/Paris]",
        "2026-11-03t12:00:00z",
        "2026-11-03T12:00:00.000+0000",
        "2026-11-03 07:00:00.000 -0500",
        "2026-11-3 12:00",
        "2026/11/03 12:00:00",
        "Tue, 03 Nov 2026 12:00:00 +0000",
        "3 Nov 2026 07:00:00 EST",
        "Tue Nov 03 12:00:00 GMT 2026",
        "Tue Nov  3 12:00:00 2026",
        "Nov 3, 2026 12:00:00 PM",
        "Tuesday, November 3, 2026 12:00 PM",
        "03-Nov-2026 12:00:00",
        "13/11/2026 12:00:00",
        "11/13/2026 12:00:00 PM",
        "03.11.2026 12:00:00",
        "11-03-2026 12:00:00 PM",
        "20261103120000",
        "20261103120000.000Z",
        "20261103120000000",
        "202611031200",
        "20261103T120000Z",
        "1793707200000000",
        "1793707200000000000",
        "/Date(1793707200000)/",
        "2026-11-03T11:59:60Z",
    ],
)
def test_every_notation_seen_is_read(written: str) -> None:
    day = 13 if "13" in written[:5] else 3
    assert read(written, UTC) == NOON.replace(day=day)


def test_midnight_at_the_end_of_a_day_is_the_next_days_beginning() -> None:
    midnight = datetime(2026, 11, 4, tzinfo=UTC)
    for written in ("2026-11-03T24:00:00Z", "11-03-2026T24:00:00", "Nov 3 2026 23:59:60"):
        assert read(written, UTC) == midnight
    assert read("Nov 4, 2026 12:00 AM", UTC) == midnight


def test_milliseconds_since_1970_are_no_date_of_the_eighteenth_century() -> None:
    assert read("1795010112345", UTC) == datetime(2026, 11, 18, 13, 55, 12, 345000, tzinfo=UTC)


def test_fractions_of_a_second_are_kept_to_the_microsecond() -> None:
    for written in ("1793707200.123456789", "1793707200123.4567", "2026-11-03T12:00:00.123456789Z"):
        assert read(written, UTC) == NOON.replace(microsecond=123456)


def test_which_is_the_month_is_said_by_the_listeners_zone_or_not_known() -> None:
    written = "04/05/2026 12:00:00"
    assert read(written, UTC) is None
    assert read(written, ZoneInfo("America/Chicago")) == datetime(2026, 4, 5, 17, tzinfo=UTC)
    assert read(written, ZoneInfo("Europe/Berlin")) == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert read("05/05/2026 12:00:00", UTC) == datetime(2026, 5, 5, 12, tzinfo=UTC)


def test_an_abbreviation_is_the_listeners_own_zone_or_one_of_the_mail_standard() -> None:
    written = "Wed Jul 15 12:00:00 CST 2026"
    assert read(written, ZoneInfo("Asia/Shanghai")) == datetime(2026, 7, 15, 4, tzinfo=UTC)
    assert read(written, UTC) == datetime(2026, 7, 15, 18, tzinfo=UTC)
    assert read(written.replace("CST", "CEST"), UTC) is None


@pytest.mark.parametrize(
    "written",
    [None, "", "noon", "13-03-2026T12:00:00", "31/Feb/2026:12:00:00:000", "03/Xyz/2026:12:00:00",
     "9" * 13 + "9", "2026", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:60Z",
     "9999-12-31T24:00:00Z", "9999-12-31T23:00:00-05:00", "12-31-9999T23:59:60", "9" * 5000,
     "-1793707200", "2026-02-29", "29/02/2026 12:00:00", "26-27-28", "12:00:00", "+05:00",
     "Jul 2026", "2026-11-03 25:00:00", "2026-11-03T12:00:00 -5", "1" * 17, "99999999",
     "Nov 3 2026 12:00 [Mars/Olympus]", "tomorrow at noon", "١٧٩٣٧٠٧٢٠٠"],
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
        ("9999-12-31T23:59:60Z", False),
        ("9999-12-31T23:59:59-00:01", False),
        ("0001-01-01T00:00:00+00:01", False),
        ("9999-12-31T23:59:59Z", True),
    ],
)
def test_a_cloudevents_time_is_rfc_3339_with_a_zone(text: str, valid: bool) -> None:
    assert (rfc3339(text) is not None) is valid


def test_a_leap_second_is_the_second_after() -> None:
    assert rfc3339("2016-12-31T23:59:60Z") == datetime(2017, 1, 1, tzinfo=UTC)


NUMBERS = st.sampled_from(["0", "00", "1", "24", "60", "31", "0001", "1970", "2026", "9999"])
MARKS = st.sampled_from(
    ["-", "/", ".", ":", "T", " ", ", ", "+", "Z", " Jan ", " PM", "[UTC]", "EST"]
)
LIKE_A_TIME = st.lists(NUMBERS | MARKS, max_size=14).map("".join)


@given(
    st.text(max_size=40)
    | LIKE_A_TIME
    | st.from_regex(r"[0-9]{1,25}(\.[0-9]{1,12})?", fullmatch=True),
    st.sampled_from([UTC, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")]),
)
def test_no_text_raises_and_all_times_are_utc(text: str, zone: tzinfo) -> None:
    for found in (read(text, zone), rfc3339(text)):
        assert found is None or (found.tzinfo is UTC and 1 <= found.year <= 9999)


def whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)).map(whole_second),
    st.sampled_from(
        ["%Y-%m-%d %H:%M:%S UTC", "%a, %d %b %Y %H:%M:%S +0000", "%a %b %d %H:%M:%S GMT %Y",
         "%m-%d-%YT%H:%M:%S", "%d/%b/%Y:%H:%M:%S:000 +0000", "%b %d, %Y %I:%M:%S %p",
         "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ[UTC]", "%m-%d-%Y %I:%M:%S %p"]
    ),
)  # fmt: skip
def test_every_notation_means_the_second_that_it_was_written_in(
    moment: datetime, notation: str
) -> None:
    written = moment.strftime(notation)
    assert read(written, UTC) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "after"),
    [
        ("America/New_York", "03-08-2026", "03-09-2026"),
        ("America/New_York", "11-01-2026", "11-02-2026"),
        ("Europe/London", "03-29-2026", "03-30-2026"),
        ("Australia/Lord_Howe", "10-04-2026", "10-05-2026"),
        ("Pacific/Apia", "12-29-2011", "12-31-2011"),
    ],
)
def test_the_midnight_that_ends_a_day_is_that_of_the_listeners_clocks(
    zone: str, day: str, after: str
) -> None:
    listeners = ZoneInfo(zone)
    assert read(f"{day}T24:00:00", listeners) == read(f"{after}T00:00:00", listeners)


@pytest.mark.parametrize(
    ("zone", "written", "hour"),
    [
        ("Europe/Berlin", "Sun Oct 25 02:30:00 CEST 2026", 0),
        ("Europe/Berlin", "Sun Oct 25 02:30:00 CET 2026", 1),
        ("Europe/Berlin", "Sat Oct 24 03:30:00 CEST 2026", 1),
        ("Europe/Berlin", "Mon Oct 26 02:30:00 CET 2026", 1),
        ("Australia/Sydney", "Sun Apr 05 02:30:00 AEDT 2026", 15),
        ("Australia/Sydney", "Sun Apr 05 02:30:00 AEST 2026", 16),
    ],
)
def test_an_hour_that_comes_twice_is_told_apart_by_its_abbreviation(
    zone: str, written: str, hour: int
) -> None:
    found = read(written, ZoneInfo(zone))
    assert found
    assert (found.hour, found.minute) == (hour, 30)
