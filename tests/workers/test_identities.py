"""A repeat is a repeat whatever the clock and the settings did in between."""

import math
import time
from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import EVENTS, IDENTITIES, INBOUND
from receiver.runtime.scripts import load
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers import second_clock
from workers.maintenance.sweep import Sweep
from workers.normalise.job import Normaliser

BODY = mo(sender="tel:+12065550100")


def come_in(client: Any, *, hours: int = 73) -> int:
    """The same message once more; how many events there are then."""
    one = Notification("att.sms.mo", "default", "receipt", 1, "application/json", BODY)
    client.xadd(INBOUND, {"n": encode(one)})
    Normaliser(client, "me", Settings(dedupe_hours=hours), lambda: False).run()
    return int(client.xlen(EVENTS))


def buckets(client: Any) -> set[int]:
    return {int(field.partition(b":")[0]) for field in client.hkeys(IDENTITIES)}


def move(client: Any, seconds: int) -> None:
    """What was remembered had been so by a clock that was ahead by this, or behind."""
    (old,) = buckets(client)
    new = old + seconds
    for key in client.keys(f"{IDENTITIES}:*"):
        client.rename(key, key.replace(b":%d:" % old, b":%d:" % new))
    for what in ("sets", "size", "ends"):
        value = client.hget(IDENTITIES, f"{old}:{what}")
        client.hdel(IDENTITIES, f"{old}:{what}")
        client.hset(IDENTITIES, f"{new}:{what}", int(value) + (seconds if what == "ends" else 0))


WIDTH = math.ceil(73 * 3600 / 3)


@pytest.mark.parametrize("seconds", [WIDTH, 5 * WIDTH, -WIDTH, -2 * WIDTH])
def test_a_clock_that_was_set_makes_no_repeat_a_new_one(valkey: Valkey, seconds: int) -> None:
    client = valkey.client()
    assert come_in(client) == 1
    move(client, seconds)
    assert come_in(client) == 1


@pytest.mark.parametrize("hours", [24, 96])
def test_another_time_to_remember_forgets_nothing(valkey: Valkey, hours: int) -> None:
    client = valkey.client()
    assert come_in(client) == 1
    assert come_in(client, hours=hours) == 1
    assert come_in(client) == 1


def test_an_identity_is_kept_for_the_whole_time_to_remember(valkey: Valkey) -> None:
    client: Any = valkey.client()
    before = int(client.time()[0])
    come_in(client)
    (start,) = buckets(client)
    ends = int(client.hget(IDENTITIES, f"{start}:ends"))
    assert ends == start + WIDTH + 73 * 3600 >= before + 73 * 3600
    # A server whose clock is ahead for a moment would forget all that expires by itself.
    assert {client.ttl(key) for key in client.keys(f"{IDENTITIES}*")} == {-1}


def test_a_bucket_counts_until_it_ends(valkey: Valkey) -> None:
    client = valkey.client()
    come_in(client)
    move(client, -3 * WIDTH)  # it began four thirds of the time ago, less what this one is old
    (start,) = buckets(client)
    # The last of its identities were claimed just before the next bucket began.
    client.hset(IDENTITIES, f"{start}:ends", int(client.time()[0]) + 600)
    assert come_in(client) == 1


def test_a_bucket_that_is_over_leaves_no_trace(valkey: Valkey) -> None:
    client = valkey.client()
    come_in(client)
    move(client, -10 * WIDTH)
    assert come_in(client) == 1  # remembered until a sweep has forgotten it
    for _ in range(10):
        Sweep(client).trim()
    assert come_in(client) == 2
    for _ in range(10):
        Sweep(client).trim()
    assert len(buckets(client)) == 1
    assert len(client.keys(f"{IDENTITIES}:*")) == 1


def as_the_first_version_had_it(client: Any) -> None:
    """What is remembered, in a bucket that is counted and has no end, in sets that expire."""
    (start,) = buckets(client)
    number = start // WIDTH
    client.hset(IDENTITIES, f"{number}:sets", client.hget(IDENTITIES, f"{start}:sets"))
    client.hset(IDENTITIES, f"{number}:size", client.hget(IDENTITIES, f"{start}:size"))
    client.hdel(IDENTITIES, f"{start}:sets", f"{start}:size", f"{start}:ends")
    for key in client.keys(f"{IDENTITIES}:*"):
        new = key.replace(b":%d:" % start, b":%d:" % number)
        client.rename(key, new)
        client.expireat(new, (number + 1) * WIDTH + 73 * 3600)


def test_an_upgrade_from_the_first_version_forgets_nothing(valkey: Valkey) -> None:
    client = valkey.client()
    come_in(client)
    as_the_first_version_had_it(client)
    Sweep(client).trim()
    assert come_in(client) == 1
    fields: Any = client.hkeys(IDENTITIES)
    ends = [field for field in fields if field.endswith(b":ends")]
    assert len(ends) == 2  # it is not looked into for ever


def test_a_call_forgets_so_many_sets_and_says_how_many(valkey: Valkey) -> None:
    client: Any = valkey.client()
    for start in (1000, 2000):
        told = {f"{start}:sets": 5, f"{start}:size": 9, f"{start}:ends": start + 3000}
        client.hset(IDENTITIES, mapping=told)
        for number in range(5):
            client.sadd(f"{IDENTITIES}:{start}:{number}", "x")
    client.hset(IDENTITIES, "9000000000:sets", 1)
    client.hset(IDENTITIES, "9000000000:ends", 9_100_000_000)

    def forget(most: int) -> int:
        script = load("workers.maintenance", "forget_identities")
        return int(client.eval(script, 1, IDENTITIES, int(time.time() * 1000), most))

    left = [10]
    for most, gone in ((3, 3), (1, 1), (4, 4), (4, 2), (4, 0)):
        assert forget(most) == gone
        left.append(left[-1] - gone)
        assert len(client.keys(f"{IDENTITIES}:*")) == left[-1]
    assert buckets(client) == {9_000_000_000}


@pytest.mark.parametrize("days", [-9, 0, 9])
def test_it_is_remembered_from_the_later_of_two_clocks_on(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    client: Any = valkey.client()
    here = time.time_ns() // 1_000_000 + days * 86_400_000
    monkeypatch.setattr(second_clock, "local_time", lambda: here)
    later = max(here // 1000, int(client.time()[0]))
    come_in(client)
    (start,) = buckets(client)
    assert later - WIDTH <= start <= later + 60
    assert int(client.hget(IDENTITIES, f"{start}:ends")) >= later + 73 * 3600


def test_less_time_to_remember_takes_none_from_what_was_remembered_before(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    midnight = (int(client.time()[0]) // 86_400 + 1) * 86_400  # where two buckets begin
    monkeypatch.setattr(second_clock, "local_time", lambda: 1000 * midnight)
    come_in(client, hours=72)
    come_in(client, hours=24)
    assert buckets(client) == {midnight}
    assert int(client.hget(IDENTITIES, f"{midnight}:ends")) == midnight + 86_400 + 72 * 3600


def test_a_bucket_has_as_many_sets_as_the_one_before_would_have_needed_and_keeps_them(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    midnight = (int(client.time()[0]) // 86_400 + 1) * 86_400
    monkeypatch.setattr(second_clock, "local_time", lambda: 1000 * midnight)

    def full(size: int) -> None:
        told = {"size": size, "sets": 1024, "ends": midnight + 1}
        client.hset(IDENTITIES, mapping={f"{midnight - 9}:{what}": n for what, n in told.items()})

    full(1_000_000)
    assert come_in(client, hours=24) == 1
    assert int(client.hget(IDENTITIES, f"{midnight}:sets")) == 16_384  # of 64 at most
    full(5_000_000)
    client.hset(IDENTITIES, f"{midnight}:gone", 3)  # as where a sweep had begun to forget it
    assert come_in(client, hours=72) == 1
    assert int(client.hget(IDENTITIES, f"{midnight}:sets")) == 16_384
    assert not client.hexists(IDENTITIES, f"{midnight}:gone")
