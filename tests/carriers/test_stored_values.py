"""What another program wrote into a hash of ours is read as what it is, or as nothing."""

import pytest

from receiver.contract.stored_values import LONGEST, counts, number, texts, whole


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b"12", 12),
        ("-3", -3),
        (b"9" * LONGEST, 10**LONGEST - 1),
        (b"9" * (LONGEST + 1), 0),
        (b"1.5", 0),
        (b"\xff", 0),
        ("٣", 0),
        (b"-", 0),
        (b"", 0),
        (None, 0),
    ],
)
def test_a_count_is_a_whole_number_that_redis_can_count_to_else_nothing(
    value: bytes | str | None, read: int
) -> None:
    assert whole(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [(b"1.5", 1.5), ("-2", -2.0), (b"nan", 0.0), (b"inf", 0.0), (b"1e30", 0.0), (b"x", 0.0)],
)
def test_a_number_is_a_finite_one_else_nothing(value: bytes | str, read: float) -> None:
    assert number(value) == read
    assert number(None) == 0


def test_of_a_hash_what_is_no_count_is_left_out_and_what_is_no_utf_8_replaced() -> None:
    stored = {b"accepted": b"7", b"dead": b"many", b"\xff": b"1", b"open": b"0"}
    assert counts(stored) == {"accepted": 7, "\ufffd": 1, "open": 0}
    assert texts({b"\xfe": b"a\xff"}) == {"\ufffd": "a\ufffd"}
