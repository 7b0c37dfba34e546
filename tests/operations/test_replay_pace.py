"""A replay of very many dead letters goes as fast as they are taken, and intake open."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from receiver.cli import dead_letters as command
from receiver.contract.records import DeadLetter, Notification, encode
from receiver.contract.redis_keys import DEAD_LETTERS, INBOUND, LEDGER, retry_due, retry_items
from receiver.operations import dead_letters, ledger
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Selection
from receiver.operations.event_replay import AT_ONCE, WAITING_MOST
from receiver.operations.replay_throttle import OPEN_MOST, NoRoom, ReplayThrottle
from tests.support.commands import environment, running
from tests.support.valkey import Valkey

CONFIG = '[[sink]]\nname = "billing"\nkind = "redis-stream"\nstream = "billing"\n'
EVENT = b'{"id":"e","type":"t","source":"s"}'


def die(client: Any, *letters: DeadLetter) -> None:
    with client.pipeline(transaction=False) as pipe:
        for letter in letters:
            pipe.xadd(DEAD_LETTERS, {"d": encode(letter)})
        pipe.execute()


def undelivered(client: Any, count: int, sink: str = "billing") -> None:
    die(client, *(DeadLetter(1, "x", b"", sink, EVENT, 9, f"{n}-0") for n in range(1, count + 1)))


def misunderstood(client: Any, count: int) -> None:
    packed = encode(Notification("c", "l", "r", 1, "", b""))
    die(client, *(DeadLetter(1, "x", packed) for _ in range(count)))
    client.hset(LEDGER, mapping={"accepted": count, "dead": count})


def replay(client: Any, waits: Callable[[str], None] = lambda _: None) -> list[str]:
    pace = ReplayThrottle(client, 80, waits, patience=0.3)
    found = dead_letters.select(client, Selection())
    sinks = frozenset({"billing", "crm"})
    return [outcome for _, outcome in DeadLetterActions(client).replay(found, sinks, pace)]


def taken(client: Any) -> None:
    """By the sink."""
    client.delete(retry_due("billing"), retry_items("billing"))


def short_of_memory(client: Any) -> None:
    used: int = client.info("memory")["used_memory"]
    client.config_set("maxmemory", int(used / 0.9))


def test_a_sink_gets_no_more_than_it_can_take_before_what_is_new(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(CONFIG)
    client: Any = valkey.client()
    undelivered(client, AT_ONCE + 100)
    with running(tmp_path, "dead-letters", "replay", "--all", REDIS_URL=valkey.url) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert client.zcard(retry_due("billing")) == AT_ONCE
        taken(client)
        out, more = process.communicate(timeout=60)
    assert (process.returncode, client.xlen(DEAD_LETTERS)) == (0, 0)
    assert json.loads(out) == {"done": AT_ONCE + 100, "gone": 0, "failed": 0}
    assert said == f"receiver: waiting: sink 'billing' has {AT_ONCE} deliveries to do first\n"
    assert more == ""
    assert client.zcard(retry_due("billing")) == 100


def test_what_is_leased_or_waits_for_its_time_does_not_hold_a_replay_up(valkey: Valkey) -> None:
    client: Any = valkey.client()
    undelivered(client, AT_ONCE + 100)

    def lease(_why: str) -> None:
        entries = client.zrange(retry_due("billing"), 0, -1)
        client.zadd(retry_due("billing"), dict.fromkeys(entries, 2**52))

    assert replay(client, lease) == ["done"] * (AT_ONCE + 100)


def test_no_more_notifications_are_open_than_the_workers_can_do_soon(valkey: Valkey) -> None:
    client: Any = valkey.client()
    misunderstood(client, OPEN_MOST + 200)
    with pytest.raises(NoRoom, match="the workers have notifications to do first"):
        replay(client)
    assert (client.xlen(INBOUND), client.xlen(DEAD_LETTERS)) == (OPEN_MOST, 200)
    assert ledger.read(client).balanced
    client.delete(INBOUND)
    assert replay(client) == ["done"] * 200


def test_a_replay_goes_on_where_intake_would_soon_close_once_there_is_memory(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    undelivered(client, 10)
    short_of_memory(client)
    with pytest.raises(NoRoom, match=r"Redis is \d+% full"):
        replay(client)
    assert (client.zcard(retry_due("billing")), client.xlen(DEAD_LETTERS)) == (0, 10)
    said: list[str] = []

    def more(why: str) -> None:
        said.append(why)
        client.config_set("maxmemory", 256 * 1024 * 1024)

    assert replay(client, more) == ["done"] * 10
    assert len(said) == 1


def test_a_replay_that_stopped_says_why_and_what_it_did(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    (tmp_path / "receiver.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", valkey.url)
    monkeypatch.setattr(command, "ReplayThrottle", partial(ReplayThrottle, patience=0.3))
    undelivered(client, AT_ONCE + 100)
    answer = CliRunner().invoke(command.command, ["replay", "--all"])
    assert answer.exit_code == 1
    assert (client.zcard(retry_due("billing")), client.xlen(DEAD_LETTERS)) == (AT_ONCE, 100)
    assert answer.stdout == f'{{"done":{AT_ONCE},"gone":0,"failed":0}}\n'
    why = f"sink 'billing' has {AT_ONCE} deliveries to do first"
    assert answer.stderr == (
        f"receiver: waiting: {why}\nreceiver: stopped: {why}; the rest stays, replay it later\n"
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_replay_that_is_ended_says_what_it_did(
    valkey: Valkey, tmp_path: Path, number: int, code: int
) -> None:
    client: Any = valkey.client()
    (tmp_path / "receiver.toml").write_text(CONFIG)
    undelivered(client, AT_ONCE + 100)
    with running(tmp_path, "dead-letters", "replay", "--all", REDIS_URL=valkey.url) as process:
        assert process.stderr
        assert process.stderr.readline().startswith("receiver: waiting: ")
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["done"]) == (code, AT_ONCE)


INTERRUPTED = """
import threading, time
from receiver.cli import main
from receiver.cli.terminal import output

say, enter = output.say, threading.Condition.__enter__

def interrupt(*_):
    raise KeyboardInterrupt

def locked(condition):
    threading.Condition.__enter__ = enter
    enter(condition)
    interrupt()

def said(line):
    say(line)
    threading.Condition.__enter__, time.sleep = locked, interrupt

output.say = said
main()
"""
"""Ctrl-C comes while it rings: once a lock of a thread pool has been taken, if there is one."""


def test_an_interrupt_while_it_rings_ends_a_replay(valkey: Valkey, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(CONFIG)
    undelivered(valkey.client(), AT_ONCE + 100)
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "dead-letters", "replay", "--all"],
        cwd=tmp_path,
        env=environment(REDIS_URL=valkey.url),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["done"]) == (130, AT_ONCE)


@pytest.mark.parametrize(("percent", "goes_on"), [(74, True), (76, False)])
def test_some_memory_stays_free_below_where_intake_is_closed(percent: int, goes_on: bool) -> None:
    memory = {"used_memory": percent, "maxmemory": 100}
    client: Any = SimpleNamespace(info=lambda _section: memory)
    pace = ReplayThrottle(client, 80, lambda _: None, patience=0)
    with nullcontext() if goes_on else pytest.raises(NoRoom, match="76% full"):
        pace([])


def test_no_more_is_handed_to_a_sink_for_which_thousands_wait_already(valkey: Valkey) -> None:
    client: Any = valkey.client()
    waiting = {f"1-{number}": 2**45 for number in range(WAITING_MOST + 1)}
    client.zadd(retry_due("billing"), waiting)
    undelivered(client, 1)
    with pytest.raises(NoRoom, match=f"'billing' has {WAITING_MOST + 1} deliveries"):
        replay(client)
    assert client.xlen(DEAD_LETTERS) == 1
    client.zrem(retry_due("billing"), "1-0")
    assert replay(client) == ["done"]
