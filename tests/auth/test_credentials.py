"""Who may send: what a web process decides from its last look at the store."""

import hashlib
import time
from types import SimpleNamespace

import pytest

from receiver.auth import bearer, credential_store
from receiver.auth.bearer import (
    Credential,
    Credentials,
    NotHeardOf,
)
from tests.support.stored_credentials import STORED, STRANGE, decided, digest, record
from tests.support.valkey import Valkey


class Clock:
    """Stands still until told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    patched = SimpleNamespace(monotonic=found.monotonic, time=time.time)
    monkeypatch.setattr(bearer, "time", patched)
    return found


@pytest.fixture
def known() -> Credentials:
    """One token in the environment, none read yet."""
    return Credentials([hashlib.sha256(b"bootstrap").digest()])


def test_before_the_first_look_nobody_is_called_unknown(known: Credentials) -> None:
    assert decided(known, b"bootstrap") == "environment"
    assert decided(known, STRANGE) == "503"


def test_a_snapshot_decides_alone_for_a_minute_and_then_calls_nobody_unknown(
    known: Credentials, clock: Clock
) -> None:
    known.replace({digest(STORED): record()})
    for seconds, wanted in (
        (0, "401 unknown credential"),
        (60, "401 unknown credential"),
        (61, "503"),
    ):
        clock.now = 1000.0 + seconds
        assert decided(known, STRANGE) == wanted
        assert decided(known, STORED) == "stored"
    known.replace({})
    assert decided(known, STORED) == "401 unknown credential"


def test_an_expired_token_is_refused_even_by_an_old_snapshot(
    known: Credentials, clock: Clock
) -> None:
    known.replace({digest(STORED): record(Credential(expires=time.time() - 1))})
    clock.now += 1000
    assert decided(known, STORED) == "401 expired credential"


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_is_hours_off_neither_ends_nor_prolongs_a_token(
    known: Credentials, hours: int
) -> None:
    expires = time.time() + 3600 * hours / 2
    known.replace({digest(STORED): record(Credential(expires=expires))})
    assert decided(known, STORED) == ("401 expired credential" if hours < 0 else "")
    known.replace(
        {digest(STORED): record(Credential(expires=expires))}, clock=time.time() + 3600 * hours
    )
    assert decided(known, STORED) == "503"


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"null", b'{"expires": "soon"}', b'{"label": 1}', b"\xff", b"[]"]
)
def test_a_record_that_cannot_be_read_makes_no_401_of_a_right_token(
    known: Credentials, broken: bytes
) -> None:
    assert known.replace({digest(STORED): broken, digest(b"other"): record()}) == 1
    assert decided(known, STORED) == "503"
    assert decided(known, STRANGE) == "401 unknown credential"
    assert decided(known, b"other") == "stored"


def test_a_record_that_breaks_is_read_as_it_was(known: Credentials) -> None:
    known.replace({digest(STORED): record()})
    known.replace({digest(STORED): b"{"})
    assert decided(known, STORED) == "stored"


@pytest.mark.parametrize("key", [b"", b"abc", b"zz" * 32, b"\xff" * 64])
def test_a_record_under_no_digest_could_be_anybodys(known: Credentials, key: bytes) -> None:
    assert known.replace({key: record(), digest(STORED): record()}) == 1
    assert decided(known, STRANGE) == "503"
    assert decided(known, STORED) == "stored"


def test_a_store_that_came_back_with_less_makes_nobody_unknown(known: Credentials) -> None:
    known.replace({digest(STORED): record(), digest(b"other"): record()}, 7)
    known.replace({digest(STORED): record()}, 8)
    assert decided(known, b"other") == "401 unknown credential"
    for stored, revision in (({}, 0), ({digest(b"new"): record()}, 1), ({}, 2)):
        known.replace(stored, revision)
        assert known.lost
        assert decided(known, STORED) == "stored"
        assert decided(known, STRANGE) == "503"
    assert decided(known, b"new") == "stored"


def test_what_is_revoked_after_a_loss_is_unknown_and_what_was_lost_is_not(
    known: Credentials,
) -> None:
    known.replace({digest(STORED): record(), digest(b"other"): record()}, 7)
    known.replace({digest(b"other"): record()}, 3)
    known.replace({}, 4, [digest(b"other"), digest(b"bootstrap"), b"no digest"])
    assert decided(known, b"other") == "401 unknown credential"
    assert decided(known, STORED) == "stored"
    assert decided(known, STRANGE) == "503"
    assert decided(known, b"bootstrap") == "environment"
    known.replace({digest(b"other"): record(Credential(label="anew", created=5.0))}, 5)
    assert decided(known, b"other") == "anew"


def test_a_field_of_a_later_version_does_no_harm(known: Credentials) -> None:
    assert known.replace({digest(STORED): b'{"label": "new", "colour": "blue"}'}) == 0
    assert decided(known, STORED) == "new"


def test_no_name_names_no_credential_not_even_one_without_a_label(valkey: Valkey) -> None:
    client = valkey.client()
    credential_store.add(client, STORED.decode(), Credential())
    assert credential_store.find(client, "") == []


def test_what_is_revoked_meanwhile_is_not_brought_back_by_letting_it_end(valkey: Valkey) -> None:
    client = valkey.client()
    credential_store.add(client, STORED.decode(), Credential(label="old"))
    looked = credential_store.find(client, "old")
    credential_store.revoke(client, looked)
    credential_store.set_expiry(client, looked, time.time() + 86400)
    assert credential_store.all_stored(client) == []


def test_a_token_whose_digest_only_begins_like_a_stored_one_is_unknown(known: Credentials) -> None:
    """What finds the credential is short enough to be hit by chance; the whole decides."""
    almost = hashlib.sha256(STRANGE).digest()[:8] + bytes(24)
    known.replace({almost.hex().encode(): record()})
    assert decided(known, STRANGE) == "401 unknown credential"
    known.replace({digest(STRANGE): record()})
    assert decided(known, STRANGE) == "stored"


@pytest.mark.parametrize("days", [-1, 1])
def test_letting_a_credential_end_never_prolongs_it(valkey: Valkey, days: int) -> None:
    client, when = valkey.client(), time.time() + 10 * 86400
    sooner = Credential(label="old", expires=when + days * 86400)
    credential_store.add(client, STORED.decode(), sooner)
    credential_store.set_expiry(client, credential_store.find(client, "old"), when)
    (stored,) = credential_store.all_stored(client)
    assert stored.credential
    assert stored.credential.expires == min(when, when + days * 86400)


def test_ten_thousand_credentials_are_not_decoded_anew_each_second(known: Credentials) -> None:
    """No request is answered meanwhile."""

    def took(stored: dict[bytes, bytes]) -> float:
        begun = time.process_time()
        known.replace(dict(stored), 1, [])
        return time.process_time() - begun

    stored = {digest(b"%d" % number): record() for number in range(10_000)}
    first = took(stored)
    assert min(took(stored) for _ in range(5)) < first / 4
    assert decided(known, b"9999") == "stored"
    del stored[digest(b"9999")]
    took(stored)
    assert decided(known, b"9999") == "401 unknown credential"


def test_a_token_that_begins_like_a_subscription_s_is_admitted_if_somebody_has_added_it() -> None:
    """One that another receiver has made, say."""
    ours, other = b"rs1_of-another-receiver", b"rs1_of-the-environment"
    known = Credentials([hashlib.sha256(other).digest()])
    known.replace({digest(ours): record(), digest(b"rs1_broken"): b"{"})
    assert [decided(known, one) for one in (ours, other)] == ["stored", "environment"]
    assert decided(known, b"rs1_broken") == "503"
    with pytest.raises(NotHeardOf):
        known.admit({b"rs1_strange"})
    known.replace({})
    with pytest.raises(NotHeardOf):
        known.admit({ours})
