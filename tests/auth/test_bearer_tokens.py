"""Which tokens a request carries, what is noted of their use, and which clock is believed."""

import hashlib
import time

import pytest

from receiver.auth.bearer import Credential, Credentials, Unauthenticated, Undecided, tokens
from receiver.config.bootstrap_tokens import LONGEST_TOKEN

HEADER = b"authorization"


@pytest.mark.parametrize(
    ("headers", "query", "found"),
    [
        ([(HEADER, b"Bearer one")], b"", {b"one"}),
        ([(HEADER, b"BEARER   one ")], b"", {b"one"}),
        (
            [(HEADER, b"Basic one"), (HEADER, b"one"), (b"x-authorization", b"Bearer one")],
            b"",
            set(),
        ),
        ([(HEADER, b"Bearer one"), (HEADER, b"bearer two")], b"", {b"one", b"two"}),
        ([(HEADER, b"Bearer one")], b"access_token=one", {b"one"}),
        ([(HEADER, b"Bearer one")], b"access_token=two", {b"one", b"two"}),
        ([(HEADER, b"Bearer ")], b"access_token=one", {b"one"}),
        ([], b"a=b&access_token=a%2Bb%20c&d", {b"a+b c"}),
        ([], b"access_token=", set()),
        ([], b"no_access_token=one&token=access_token=one", set()),
    ],
)
def test_tokens_come_as_header_or_in_the_query(
    headers: list[tuple[bytes, bytes]], query: bytes, found: set[bytes]
) -> None:
    assert tokens(headers, query) == found


def digest(token: bytes) -> str:
    return hashlib.sha256(token).hexdigest()


def stored(record: bytes, clock: float | None = None) -> Credentials:
    known = Credentials([hashlib.sha256(b"of-the-environment").digest()])
    known.replace({digest(b"one").encode(): record}, clock=clock)
    return known


def test_none_and_several_are_told_apart_for_the_count() -> None:
    known = stored(b"{}")
    with pytest.raises(Unauthenticated) as none:
        known.admit(set())
    with pytest.raises(Unauthenticated) as several:
        known.admit({b"one", b"two"})
    assert (none.value.reason, several.value.reason) == ("no credential", "several credentials")


def test_the_use_of_a_stored_token_is_noted_once_and_of_the_environments_never() -> None:
    known = stored(b"{}")
    assert known.admit({b"of-the-environment"}).label == "environment"
    known.admit({b"one"})
    used = known.take_used()
    assert used.keys() == {digest(b"one")}
    assert abs(used[digest(b"one")] - time.time()) < 60
    assert known.take_used() == {}


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_an_end_counts_when_both_clocks_say_so(seconds: int) -> None:
    now = time.time()
    record = b'{"expires": %d}' % (now + seconds)
    with pytest.raises(Undecided):
        stored(record, clock=now + 2 * seconds).admit({b"one"})
    known = stored(record, clock=now)
    if seconds > 0:
        assert known.admit({b"one"}) == Credential(expires=int(now + seconds))
    else:
        with pytest.raises(Unauthenticated, match="expired credential"):
            known.admit({b"one"})


def test_what_is_too_long_for_a_token_is_unknown_without_a_look_at_any_store() -> None:
    with pytest.raises(Unauthenticated, match="unknown credential"):
        Credentials([]).admit({b"x" * (LONGEST_TOKEN + 1)})
    with pytest.raises(Undecided):
        Credentials([]).admit({b"x" * LONGEST_TOKEN})


def test_the_use_of_a_token_that_was_revoked_since_is_not_written_down() -> None:
    known = stored(b"{}")
    known.admit({b"one"})
    known.replace({}, revision=1, revoked=[digest(b"one").encode()])
    assert known.take_used() == {}


def test_a_token_in_use_is_not_called_quiet_by_a_clock_that_is_days_behind() -> None:
    """The console calls safe to revoke what was used longest a week ago."""
    theirs = time.time() + 30 * 86_400
    known = stored(b"{}", clock=theirs)
    known.admit({b"one"})
    assert known.take_used() == {digest(b"one"): theirs}
