"""The stored credentials, as an operator's commands change them."""

import hashlib
import time
from typing import Any

import pytest
import redis

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.auth.credential_store import Exists, NotReplicated, Stored
from receiver.contract.redis_keys import (
    CREDENTIALS,
    CREDENTIALS_REVISION,
    CREDENTIALS_REVOKED,
    CREDENTIALS_USED,
)
from tests.support.restricted import restricted
from tests.support.valkey import Valkey

TOKEN = "a-stored-token-1"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()
MONTH = 30 * 24 * 3600


def labels(stored: list[Stored]) -> list[str]:
    return [one.credential.label if one.credential else "" for one in stored]


def test_the_oldest_comes_first_and_before_it_what_cannot_be_read(valkey: Valkey) -> None:
    client = valkey.client()
    for number, created in enumerate((3.0, 1.0, 2.0)):
        token = f"a-stored-token-{number}"
        credential_store.add(client, token, Credential(label=f"of {created}", created=created))
    client.hset(CREDENTIALS, DIGEST[::-1], "{")
    assert labels(credential_store.all_stored(client)) == ["", "of 1.0", "of 2.0", "of 3.0"]


def test_a_token_is_stored_once_and_its_first_record_stays(valkey: Valkey) -> None:
    client = valkey.client()
    assert credential_store.add(client, TOKEN, Credential(label="first")) == DIGEST[:12]
    with pytest.raises(Exists, match=DIGEST[:12]):
        credential_store.add(client, TOKEN, Credential(label="second"))
    (stored,) = credential_store.all_stored(client)
    assert (stored.digest, stored.id, labels([stored])) == (DIGEST, DIGEST[:12], ["first"])


def test_a_token_that_cannot_be_stored_whole_is_not_stored(valkey: Valkey) -> None:
    with pytest.raises(redis.RedisError):
        credential_store.add(restricted(valkey, "-incr"), TOKEN, Credential())
    assert credential_store.all_stored(valkey.client()) == []


def test_what_is_revoked_is_gone_and_remembered_for_a_month_until_it_is_added(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    credential_store.add(client, TOKEN, Credential())
    client.hset(CREDENTIALS_USED, DIGEST, "5")
    before = int(client.get(CREDENTIALS_REVISION))
    credential_store.revoke(client, credential_store.all_stored(client))
    assert (client.exists(CREDENTIALS), client.exists(CREDENTIALS_USED)) == (0, 0)
    assert client.smembers(CREDENTIALS_REVOKED) == {DIGEST.encode()}
    assert MONTH - 60 < client.ttl(CREDENTIALS_REVOKED) <= MONTH
    assert int(client.get(CREDENTIALS_REVISION)) == before + 1
    credential_store.add(client, TOKEN, Credential())
    assert client.smembers(CREDENTIALS_REVOKED) == set()
    assert int(client.get(CREDENTIALS_REVISION)) == before + 2


def test_what_is_there_again_is_revoked_unless_it_has_changed(valkey: Valkey) -> None:
    client: Any = valkey.client()
    credential_store.add(client, TOKEN, Credential(label="old"))
    record = client.hget(CREDENTIALS, DIGEST)
    client.eval(*credential_store.revoke_again(DIGEST.encode(), record + b" "))
    assert labels(credential_store.all_stored(client)) == ["old"]
    client.eval(*credential_store.revoke_again(DIGEST.encode(), record))
    assert credential_store.all_stored(client) == []
    assert client.smembers(CREDENTIALS_REVOKED) == {DIGEST.encode()}


def test_a_name_is_an_id_before_it_is_a_label(valkey: Valkey) -> None:
    client = valkey.client()
    credential_store.add(client, TOKEN, Credential(label="mine"))
    for other in ("a-stored-token-2", "a-stored-token-3"):
        credential_store.add(client, other, Credential(label=DIGEST[:12]))
    assert labels(credential_store.find(client, DIGEST[:12])) == ["mine"]
    assert labels(credential_store.find(client, "mine")) == ["mine"]
    assert credential_store.find(client, "nobody") == []


def test_letting_end_what_cannot_be_read_revokes_it(valkey: Valkey) -> None:
    client = valkey.client()
    credential_store.add(client, TOKEN, Credential(label="readable"))
    client.hset(CREDENTIALS, DIGEST[::-1], "{")
    when = time.time() + 86400
    credential_store.set_expiry(client, credential_store.all_stored(client), when)
    (left,) = credential_store.all_stored(client)
    assert left.credential == Credential(label="readable", expires=when)


def test_a_revocation_that_no_replica_has_heard_says_so_and_is_done(valkey: Valkey) -> None:
    client = valkey.client()
    credential_store.add(client, TOKEN, Credential())
    with pytest.raises(NotReplicated, match="0 of 2"):
        credential_store.revoke(client, credential_store.all_stored(client), replicas=2)
    assert credential_store.all_stored(client) == []


def test_a_full_server_takes_no_new_token_and_forgets_old_ones_all_the_same(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    for number in range(3):
        credential_store.add(client, f"a-stored-token-{number}", Credential(label=f"{number}"))
    records = client.hgetall(CREDENTIALS)
    client.setrange("big", 1_000_000, b"x")
    client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        credential_store.add(client, TOKEN + "-more", Credential())
    when = time.time() + 86400
    credential_store.set_expiry(client, credential_store.find(client, "0"), when)
    credential_store.revoke(client, credential_store.find(client, "1"))
    (again,) = credential_store.find(client, "2")
    digest = again.digest.encode()
    client.eval(*credential_store.revoke_again(digest, records[digest]))
    (left,) = credential_store.all_stored(client)
    assert left.credential == Credential(label="0", expires=when)
    assert client.scard(CREDENTIALS_REVOKED) == 2


@pytest.mark.parametrize(("written", "used"), [("12.5", 12.5), ("yesterday", None), (None, None)])
def test_the_last_use_is_shown_where_it_is_known(
    valkey: Valkey, written: str | None, used: float | None
) -> None:
    client = valkey.client()
    credential_store.add(client, TOKEN, Credential())
    if written:
        client.hset(CREDENTIALS_USED, DIGEST, written)
    (stored,) = credential_store.all_stored(client)
    assert stored.used == used


def test_whether_it_ends_soon() -> None:
    def ends(expires: float | None) -> bool:
        return Stored(DIGEST, Credential(expires=expires), None).ends_within(3600)

    now = time.time()
    assert [ends(now - 1), ends(now + 1800), ends(now + 7200), ends(None)] == [
        *(True, True, False, False)
    ]
    assert not Stored(DIGEST, None, None).ends_within(3600)


def test_in_the_place_of_one_that_ends_is_the_newest_that_is_used_already() -> None:
    now = time.time()

    def one(name: str, days: float | None, used: float | None, created: float) -> Stored:
        expires = None if days is None else now + days * 86_400
        made = Credential(label="att", listener="promo", expires=expires, created=created)
        return Stored(name, made, used)

    ends = one("ends", 2, now, 1)
    over, first, second = one("over", -1, now, 9), one("a", 90, now, 2), one("b", None, now, 3)
    unused, newer = one("c", None, None, 4), one("d", 90, None, 5)
    for stored, place in (
        ([over], None),
        ([over, unused, newer], newer),
        ([over, newer, unused], newer),
        ([unused, first, newer], first),
        ([second, first, newer], second),
    ):
        assert credential_store.successor(ends, [ends, *stored]) is place
    ended = one("ended", -5, now, 1)
    assert credential_store.successor(ended, [ended, over]) is None
    assert credential_store.successor(ended, [ended, over, ends]) is ends


def alike(**more: Any) -> Credential:
    usual: dict[str, Any] = {"label": "a", "listener": "promo", "expires": time.time() + 60}
    return Credential(**usual | more)


@pytest.mark.parametrize(
    ("other", "does"),
    [
        ({"expires": None}, True),
        ({"expires": 9e9}, True),
        ({"expires": 9e9, "listener": "other"}, False),
        ({"expires": 9e9, "label": "b"}, False),
        ({}, False),  # it ends at the same time
        ({"expires": 5.0}, False),
    ],
)
def test_only_what_is_alike_and_ends_later_takes_the_place_of_one_that_ends(
    monkeypatch: pytest.MonkeyPatch, other: dict[str, Any], does: bool
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    ends, after = Stored("ends", alike(), now), Stored("other", alike(**other), now)
    assert (credential_store.successor(ends, [ends, after]) is after) is does
    assert (ends not in credential_store.not_replaced([ends, after])) is does


def test_what_has_no_label_takes_the_place_of_none() -> None:
    ends, after = (Stored(one, alike(label="", expires=9e9 + n), 1.0) for n, one in enumerate("ab"))
    assert credential_store.successor(ends, [ends, after]) is None
    assert ends in credential_store.not_replaced([ends, after])
