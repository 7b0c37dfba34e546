import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.config.settings import Settings
from receiver.contract.records import DeadLetter, Notification, decode_delivery, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    INBOUND,
    LEDGER,
    SINKS,
    retry_due,
    retry_items,
)
from receiver.operations import dead_letters, ledger
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Selection
from tests.support.commands import answered, on_a_terminal, run
from tests.support.dead_letters import letters, undelivered
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise import decide
from workers.normalise.job import Normaliser

CONFIG = """
[[sink]]
name = "billing"
kind = "redis-stream"
stream = "billing"
"""
Dead = Callable[..., None]


def accept(client: redis.Redis, body: bytes, receipt: str = "r") -> None:
    """Do what the web process does once it has accepted."""
    notification = Notification("att.sms.mo", "default", receipt, 1, "application/json", body)
    client.xadd(INBOUND, {"n": encode(notification)})
    client.hincrby(LEDGER, "accepted", 1)


def work(client: redis.Redis) -> None:
    Normaliser(client, "one", Settings(), lambda: False).run()


@pytest.fixture
def misunderstood(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    """Three text messages that became dead letters, and workers that would understand them now."""
    client = valkey.client()
    with monkeypatch.context() as patch:
        patch.setattr(decide, "BY_NAME", {})
        for receipt in ("r1", "r2", "r3"):
            accept(client, mo("hello"), receipt)
        work(client)
    assert ledger.read(client).dead == client.xlen(DEAD_LETTERS) == 3
    return client


def test_a_replayed_notification_is_published_and_no_duplicate_of_itself(
    misunderstood: redis.Redis, tmp_path: Path, redis_url: str
) -> None:
    answer = run(tmp_path, "dead-letters", "replay", "r2", REDIS_URL=redis_url)
    assert (answer.returncode, answer.stdout) == (0, '{"done":1,"gone":0,"failed":0}\n')
    books = ledger.read(misunderstood)
    assert (books.dead, books.open, books.balanced) == (2, 1, True)
    work(misunderstood)
    books = ledger.read(misunderstood)
    assert (books.published, books.duplicate, books.dead, books.open) == (1, 0, 2, 0)
    assert books.balanced
    published: Any = misunderstood.xrange(EVENTS)
    [(_, fields)] = published
    assert json.loads(fields[b"event"])["receiptid"] == "r2"


def test_a_replay_rings_for_the_workers(
    misunderstood: redis.Redis, tmp_path: Path, redis_url: str
) -> None:
    misunderstood.delete("rq:queue:receiver-normalise")
    run(tmp_path, "dead-letters", "replay", "--all", REDIS_URL=redis_url)
    assert misunderstood.llen("rq:queue:receiver-normalise") == 1


def test_what_fails_again_is_a_dead_letter_again_and_a_replay_ends(
    misunderstood: redis.Redis, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = letters(misunderstood)
    assert run(tmp_path, "dead-letters", "replay", "--all", REDIS_URL=redis_url).returncode == 0
    monkeypatch.setattr(decide, "BY_NAME", {})
    work(misunderstood)
    books = ledger.read(misunderstood)
    assert (books.accepted, books.dead, books.open, books.balanced) == (3, 3, 0, True)
    assert len(letters(misunderstood)) == 3
    assert set(letters(misunderstood)).isdisjoint(before)


@pytest.mark.parametrize("command", ["list", "drop", "replay"])
def test_none_is_older_than_everything(
    misunderstood: redis.Redis, tmp_path: Path, redis_url: str, command: str
) -> None:
    arguments = ("dead-letters", command, "--older-than", "99999999d")
    answer = run(tmp_path, *arguments, REDIS_URL=redis_url)
    assert "Redis" not in answer.stderr
    assert misunderstood.xlen(DEAD_LETTERS) == 3


def test_letters_that_die_while_a_replay_runs_are_left_for_the_next(valkey: Valkey) -> None:
    client = valkey.client()
    undelivered(client, "a", "b")
    seen = 0
    for _ in dead_letters.select(client, Selection()):
        undelivered(client, "c")
        seen += 1
    assert (seen, client.xlen(DEAD_LETTERS)) == (2, 4)


def test_two_operators_at_once_replay_each_letter_once(valkey: Valkey) -> None:
    client = valkey.client()
    for number in range(500):
        letter = DeadLetter(1, "x", encode(Notification("c", "l", str(number), 1, "", b"")))
        client.xadd(DEAD_LETTERS, {"d": encode(letter)})
    client.hset(LEDGER, mapping={"accepted": 500, "dead": 500})

    def operator(_: int) -> list[str]:
        mine = valkey.client()
        found = dead_letters.select(mine, Selection())
        return [outcome for _, outcome in DeadLetterActions(mine).replay(found, frozenset())]

    with ThreadPoolExecutor(4) as pool:
        outcomes = [outcome for some in pool.map(operator, range(4)) for outcome in some]
    assert outcomes.count("done") == 500
    assert set(outcomes) <= {"done", "gone"}
    books = ledger.read(client)
    assert (client.xlen(INBOUND), books.open, books.dead, books.balanced) == (500, 500, 0, True)


def test_an_undelivered_event_goes_to_its_sink_unchanged_and_due_now(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(CONFIG)
    client = valkey.client()
    undelivered(client, "a", "b")
    answer = run(tmp_path, "dead-letters", "replay", "b", REDIS_URL=valkey.url)
    assert (answer.returncode, answer.stderr) == (0, "")
    queued: Any = client.zrange(retry_due("billing"), 0, -1, withscores=True)
    [(entry, due)] = queued
    assert (entry, due) == (b"2-0", pytest.approx(time.time() * 1000, abs=60_000))
    stored: Any = client.hvals(retry_items("billing"))
    delivery = decode_delivery(stored[0])
    assert (delivery.entry, json.loads(delivery.event)["id"]) == ("2-0", "b")
    assert (delivery.attempts, b"replayed" in delivery.event) == (0, False)
    assert client.hgetall(SINKS) == {b"billing:replayed": b"1"}
    assert ledger.read(client).balanced


def test_a_delivery_that_is_under_way_already_is_not_counted_twice(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(CONFIG)
    client = valkey.client()
    for _ in range(2):
        undelivered(client, "a")
        answer = run(tmp_path, "dead-letters", "replay", "--all", REDIS_URL=valkey.url)
        assert answer.returncode == 0
    assert client.hgetall(SINKS) == {b"billing:replayed": b"1"}
    assert client.zcard(retry_due("billing")) == client.hlen(retry_items("billing")) == 1


def test_an_event_of_a_sink_that_is_gone_stays_where_it_is(valkey: Valkey, tmp_path: Path) -> None:
    client = valkey.client()
    undelivered(client, "a")
    answer = run(tmp_path, "dead-letters", "replay", "--all", REDIS_URL=valkey.url)
    assert (answer.returncode, answer.stdout) == (1, '{"done":0,"gone":0,"failed":1}\n')
    assert "there is no sink 'billing' in receiver.toml" in answer.stderr
    assert client.xlen(DEAD_LETTERS) == 1


def test_a_letter_of_which_nothing_is_left_can_only_be_dropped(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "the entry was gone", b""))})
    client.xadd(DEAD_LETTERS, {"d": b"\xc1"})
    replay = run(tmp_path, "dead-letters", "replay", "--all", REDIS_URL=valkey.url)
    assert (replay.returncode, client.xlen(DEAD_LETTERS)) == (1, 2)
    drop = run(tmp_path, "dead-letters", "drop", "--all", REDIS_URL=valkey.url)
    assert (drop.returncode, client.xlen(DEAD_LETTERS)) == (0, 0)


def test_on_a_terminal_all_are_dropped_once_that_is_confirmed(
    valkey: Valkey, tmp_path: Path
) -> None:
    client, drop = valkey.client(), ("dead-letters", "drop", "--all")
    undelivered(client, "a")
    code, seen = answered(tmp_path, "n\n", *drop, REDIS_URL=valkey.url)
    assert (code, client.xlen(DEAD_LETTERS)) == (1, 1)
    assert "Drop all dead letters, for ever?" in seen
    code, _ = answered(tmp_path, "y\n", *drop, REDIS_URL=valkey.url)
    assert (code, client.xlen(DEAD_LETTERS)) == (0, 0)
    undelivered(client, "b")
    on_a_terminal(tmp_path, *drop, "--yes", REDIS_URL=valkey.url)
    assert client.xlen(DEAD_LETTERS) == 0


def test_a_dropped_letter_stays_counted_as_dead(
    misunderstood: redis.Redis, tmp_path: Path, redis_url: str
) -> None:
    answer = run(tmp_path, "dead-letters", "drop", "r1", "r3", REDIS_URL=redis_url)
    assert (answer.returncode, answer.stdout) == (0, '{"done":2,"gone":0,"failed":0}\n')
    books = ledger.read(misunderstood)
    assert (books.dead, books.dead_dropped, books.open, books.balanced) == (3, 2, 0, True)
    again = run(tmp_path, "dead-letters", "drop", "r1", REDIS_URL=redis_url)
    assert (again.returncode, again.stdout) == (1, '{"done":0,"gone":0,"failed":0}\n')
