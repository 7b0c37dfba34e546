"""What one process knows of the credentials of subscriptions, read from a real server."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import redis.asyncio

from receiver.auth import subscription_credentials
from receiver.auth.bearer import Credential, Credentials, NotHeardOf, Unauthenticated, Undecided
from receiver.auth.subscription_credentials import LOOK_UPS, SubscriptionCredential
from receiver.auth.subscription_credentials import SubscriptionCredentials as Known
from receiver.contract.redis_keys import (
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_CREDENTIALS_REVISION,
    SUBSCRIPTION_PREFIX,
)
from tests.support.valkey import Valkey

TOKEN = SUBSCRIPTION_PREFIX.encode() + b"one"
RECORD = SubscriptionCredential("fleet", "fleet", 9e9, "a", 2, "fleet:x")
Asked = Callable[[Callable[[redis.asyncio.Redis], Awaitable[Any]]], Any]


def digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def change(client: Any, token: bytes, record: SubscriptionCredential | None = RECORD) -> None:
    """Store a credential or remove it, as the controller does."""
    name = digest(token).hex()
    if record:
        client.hset(SUBSCRIPTION_CREDENTIALS, name, msgspec.json.encode(record))
    else:
        client.hdel(SUBSCRIPTION_CREDENTIALS, name)
    revision = client.incr(SUBSCRIPTION_CREDENTIALS_REVISION)
    client.zadd(SUBSCRIPTION_CREDENTIALS_CHANGES, {name: revision})


@pytest.fixture
def ask(valkey: Valkey) -> Asked:
    """Run something with an asynchronous client of the server."""

    def asked(what: Callable[[redis.asyncio.Redis], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            async with redis.asyncio.Redis.from_url(valkey.url) as client:
                return await what(client)

        return asyncio.run(run())

    return asked


def test_what_was_made_since_the_last_look_is_known(valkey: Valkey, ask: Asked) -> None:
    known, client = Known(), valkey.client()
    ask(known.refresh)
    change(client, TOKEN)
    assert known.get(digest(TOKEN)) is None
    ask(known.refresh)
    assert known.get(digest(TOKEN)) == RECORD
    change(client, b"two")
    change(client, TOKEN, msgspec.structs.replace(RECORD, generation=3))
    ask(known.refresh)
    assert known.get(digest(b"two")) == RECORD
    assert known.get(digest(TOKEN)) == msgspec.structs.replace(RECORD, generation=3)
    change(client, TOKEN, None)
    ask(known.refresh)
    assert known.get(digest(TOKEN)) is None
    assert known.get(digest(b"two")) == RECORD


def test_a_new_process_reads_all_of_them_also_those_whose_change_is_forgotten(
    valkey: Valkey, ask: Asked
) -> None:
    client, known = valkey.client(), Known()
    tokens = [b"token %d" % number for number in range(1500)]
    records: Any = {digest(token).hex(): msgspec.json.encode(RECORD) for token in tokens}
    client.hset(SUBSCRIPTION_CREDENTIALS, mapping=records)
    client.set(SUBSCRIPTION_CREDENTIALS_REVISION, 1500)
    ask(known.refresh)
    assert all(known.get(digest(token)) == RECORD for token in tokens)


def test_where_nothing_has_changed_a_look_reads_the_revision_and_no_more(
    valkey: Valkey, ask: Asked
) -> None:
    client, known = valkey.client(), Known()
    ask(known.refresh)
    change(client, TOKEN)
    ask(known.refresh)
    client.config_resetstat()
    ask(known.refresh)
    read = set(client.info("commandstats"))
    assert not read & {"cmdstat_zrangebyscore", "cmdstat_hscan", "cmdstat_hmget"}


def test_a_store_that_lost_some_makes_nobody_unknown(valkey: Valkey, ask: Asked) -> None:
    client, known = valkey.client(), Known()
    for token in (TOKEN, b"two", b"three"):
        change(client, token)
    ask(known.refresh)
    client.flushall()
    change(client, b"new")
    ask(known.refresh)
    assert known.lost
    for token in (TOKEN, b"two", b"new"):
        assert known.get(digest(token)) == RECORD
    assert ask(lambda line: known.look_up(line, digest(TOKEN))) is True
    assert known.get(digest(TOKEN)) == RECORD
    assert ask(lambda line: known.look_up(line, digest(b"stranger"))) is False


def test_a_look_up_says_whether_the_store_has_answered(valkey: Valkey, ask: Asked) -> None:
    client, known = valkey.client(), Known()
    assert ask(lambda line: known.look_up(line, digest(TOKEN))) is True
    assert known.get(digest(TOKEN)) is None
    change(client, TOKEN)
    assert ask(lambda line: known.look_up(line, digest(TOKEN))) is True
    assert known.get(digest(TOKEN)) == RECORD


def spoil(client: Any, *names: bytes | str) -> None:
    """Have records of no form, and say that they are new."""
    client.hset(SUBSCRIPTION_CREDENTIALS, mapping=dict.fromkeys(names, b'{"label": 1}'))
    revision = client.incr(SUBSCRIPTION_CREDENTIALS_REVISION)
    client.zadd(SUBSCRIPTION_CREDENTIALS_CHANGES, dict.fromkeys(names, revision))


def test_a_record_that_cannot_be_read_makes_its_own_token_doubtful_and_no_other(
    valkey: Valkey, ask: Asked
) -> None:
    client, known, later = valkey.client(), Known(), Known()
    change(client, TOKEN)
    ask(known.refresh)
    odd = ("no digest", b"\xff\xfe")
    client.zadd(SUBSCRIPTION_CREDENTIALS_CHANGES, {"no digest, and removed": 1})
    spoil(client, digest(TOKEN).hex(), *odd)
    change(client, b"good")
    for process in (known, later):
        assert ask(process.refresh) == 1 + len(odd)
        assert process.get(digest(b"good")) == RECORD
        assert ask(process.refresh) == 0
        assert ask(lambda line: process.look_up(line, digest(b"stranger"))) is True  # noqa: B023
    assert known.get(digest(TOKEN)) == RECORD
    assert ask(lambda line: later.look_up(line, digest(TOKEN))) is False
    change(client, TOKEN)
    assert ask(lambda line: later.look_up(line, digest(TOKEN))) is True
    assert later.get(digest(TOKEN)) == RECORD


def test_so_many_are_looked_up_in_a_second(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    known, now = Known(), [1000.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(subscription_credentials, "time", clock)

    async def answered(line: redis.asyncio.Redis) -> list[bool]:
        return [await known.look_up(line, digest(b"%d" % n)) for n in range(LOOK_UPS + 2)]

    assert ask(answered) == [True] * LOOK_UPS + [False] * 2
    now[0] += 1
    assert ask(answered) == [True] * LOOK_UPS + [False] * 2


def test_a_token_of_that_form_is_decided_by_what_was_looked_up(valkey: Valkey, ask: Asked) -> None:
    known = Credentials([])
    with pytest.raises(NotHeardOf) as unheard:
        known.admit({TOKEN})
    assert unheard.value.digest == digest(TOKEN)
    with pytest.raises(Undecided):
        known.admit({TOKEN}, known=False)
    with pytest.raises(Unauthenticated, match="unknown credential"):
        known.admit({TOKEN}, known=True)
    change(valkey.client(), TOKEN)
    ask(known.subscriptions.refresh)
    assert known.admit({TOKEN}) == Credential(
        label="fleet", listener="fleet", expires=9e9, attempt="a 2 fleet:x"
    )
    over = msgspec.structs.replace(RECORD, expires=time.time() - 1, attempt="")
    change(valkey.client(), b"over", over)
    change(valkey.client(), SUBSCRIPTION_PREFIX.encode() + b"over", over)
    ask(known.subscriptions.refresh)
    with pytest.raises(Unauthenticated, match="expired credential"):
        known.admit({SUBSCRIPTION_PREFIX.encode() + b"over"})
