"""Commands that put something right: pause and remove a sink, drop, clear, rotate."""

import json
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.records import Refusal, encode
from receiver.contract.redis_keys import EVENTS, LOSSES, REJECTED, SINKS, forward_group
from receiver.operations import sink_ledger
from tests.support.command_line import here
from tests.support.commands import run
from tests.support.consumer import consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from workers.maintenance.sink_sweep import SinkSweep


def test_a_paused_sink_sends_nothing_until_it_is_started(valkey: Valkey, tmp_path: Path) -> None:
    with consuming() as consumer:
        forwarding = Forwarding(valkey, http_sink(consumer))
        forwarding.now = time.time()
        publish_many(valkey, 3)
        paused = run(tmp_path, "sinks", "pause", "hook", "--reason", "moves", REDIS_URL=valkey.url)
        assert (paused.returncode, paused.stderr) == (0, "hook is paused\n")
        forwarding.run()
        assert consumer.requests == []
        (books,) = sink_ledger.read(forwarding.client)
        assert (books.stopped, books.open) == ("moves", 3)
        again = run(tmp_path, "sinks", "pause", "hook", REDIS_URL=valkey.url)
        assert (again.returncode, again.stderr) == (1, "hook was stopped already\n")
        assert run(tmp_path, "sinks", "start", "hook", REDIS_URL=valkey.url).returncode == 0
        forwarding.run()
        assert len(consumer.requests) == 3


def test_a_sink_that_is_gone_is_removed_at_once(valkey: Valkey, tmp_path: Path) -> None:
    with consuming() as consumer:
        forwarding = Forwarding(valkey, http_sink(consumer))
        client = forwarding.client
        publish_many(valkey, 3)
        SinkSweep(client, [forwarding.sink]).run()
        early = run(tmp_path, "sinks", "remove", "hook", "--yes", REDIS_URL=valkey.url)
        assert (early.returncode, early.stdout) == (2, "")
        assert early.stderr.startswith("receiver: a worker still has 'hook'")
        assert "from a minute later on it can be removed" in early.stderr
        client.hincrby(SINKS, "hook:configured", -3600 * 1000)
        asked = run(tmp_path, "sinks", "remove", "hook", stdin="n\n", REDIS_URL=valkey.url)
        assert "hook had 3 events to get: 0 that are retried become dead letters" in asked.stderr
        assert "3 others are let go. Remove it?" in asked.stderr
        assert asked.returncode == 1
        removed = run(tmp_path, "sinks", "remove", "hook", "--yes", REDIS_URL=valkey.url)
        assert removed.returncode == 0
        SinkSweep(client, ()).run()
        assert client.xinfo_groups(EVENTS) == []
        (books,) = sink_ledger.read(client)
        assert (books.dead, books.shed, books.open, books.balanced) == (0, 3, 0, True)
        again = run(tmp_path, "sinks", "remove", "hook", "--yes", REDIS_URL=valkey.url)
        assert (again.returncode, again.stdout) == (0, "")
        assert again.stderr == "hook is gone already: only its counts are kept\n"
        assert not client.hexists(SINKS, "hook:configured")  # or it would be retired once named


def test_a_sink_of_receiver_toml_is_not_removed(valkey: Valkey, tmp_path: Path) -> None:
    toml = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company"\n'
    (tmp_path / "receiver.toml").write_text(toml)
    client: Any = valkey.client()
    client.hset(SINKS, "copy:begun", 0)
    refused = run(tmp_path, "sinks", "remove", "copy", "--yes", REDIS_URL=valkey.url)
    assert refused.stderr == "receiver: receiver.toml has 'copy': take it out there first\n"
    assert forward_group("copy").encode() not in client.hkeys(SINKS)


@pytest.mark.parametrize("command", ["pause", "remove", "start"])
def test_an_unknown_sink_is_said(valkey: Valkey, tmp_path: Path, command: str) -> None:
    found = run(tmp_path, "sinks", command, "no-such", REDIS_URL=valkey.url)
    assert found.returncode == 2
    assert (
        found.stderr
        == "receiver: no worker has begun a sink 'no-such': see `receiver sinks list`\n"
    )


def test_rejected_requests_are_dropped(valkey: Valkey, tmp_path: Path) -> None:
    client: Any = valkey.client()
    for status in (400, 400, 413):
        one = Refusal("att.sms.mo", "default", "r", 1, status, "no", [], b"{}")
        client.xadd(REJECTED, {"r": encode(one)})
    some = run(tmp_path, "rejected", "drop", "--status", "400", REDIS_URL=valkey.url)
    assert (some.returncode, some.stdout, client.xlen(REJECTED)) == (0, '{"dropped":2}\n', 1)
    asked = run(tmp_path, "rejected", "drop", "--all", stdin="n\n", REDIS_URL=valkey.url)
    assert (asked.returncode, client.xlen(REJECTED)) == (1, 1)
    every = run(tmp_path, "rejected", "drop", "--all", "--yes", REDIS_URL=valkey.url)
    assert (every.returncode, client.xlen(REJECTED)) == (0, 0)
    client.xadd(REJECTED, {"r": encode(one)})
    for nothing in ((), ("--status", "0"), ("--reason", "")):
        said = run(tmp_path, "rejected", "drop", *nothing, REDIS_URL=valkey.url)
        assert (said.returncode, client.xlen(REJECTED)) == (2, 1)


def test_a_loss_that_was_dealt_with_is_cleared(valkey: Valkey, tmp_path: Path) -> None:
    client: Any = valkey.client()
    none = run(tmp_path, "losses", "list", REDIS_URL=valkey.url)
    assert (none.returncode, none.stderr) == (0, "nothing was lost\n")
    client.hset(LOSSES, "life", 7)
    shown = run(tmp_path, "losses", "list", "--json", REDIS_URL=valkey.url)
    assert json.loads(shown.stdout) == {"data": "life", "lost": 7}
    asked = run(tmp_path, "losses", "clear", stdin="n\n", REDIS_URL=valkey.url)
    assert (asked.returncode, client.exists(LOSSES)) == (1, 1)
    cleared = run(tmp_path, "losses", "clear", "--yes", REDIS_URL=valkey.url)
    assert (cleared.returncode, client.exists(LOSSES)) == (0, 0)


def test_a_token_is_replaced_without_a_gap(valkey: Valkey, tmp_path: Path) -> None:
    def credentials(*words: str) -> Any:
        return run(tmp_path, "credentials", *words, REDIS_URL=valkey.url)

    old = credentials("add", "--label", "att", "--days", "300").stdout.strip()
    rotated = credentials("rotate", "att", "--keep-days", "10")
    new = rotated.stdout.strip()
    assert rotated.returncode == 0
    assert new != old
    assert len(new) == len(old)
    first, second = map(json.loads, credentials("list", "--json").stdout.splitlines())
    assert (first["label"], second["label"]) == ("att", "att")
    began, ends = map(datetime.fromisoformat, (second["created"], first["expires"]))
    assert timedelta(days=9, hours=23) < ends - began < timedelta(days=10, hours=1)
    assert second["expires"] is None
    assert credentials("rotate", "nobody").returncode == 1


def test_a_label_is_rotated_again_where_the_old_tokens_end_and_not_where_it_is_not_clear_which(
    valkey: Valkey, tmp_path: Path
) -> None:
    def credentials(*words: str) -> Any:
        return run(tmp_path, "credentials", *words, REDIS_URL=valkey.url)

    def ids() -> list[str]:
        return [json.loads(line)["id"] for line in credentials("list").stdout.splitlines()]

    credentials("add", "--label", "att", "--listener", "promo")
    credentials("rotate", "att")
    _, second = ids()
    again = credentials("rotate", "att", "--keep-days", "10", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["replaces"] == second
    credentials("add", "--label", "att", "--listener", "other")
    refused = credentials("rotate", "att")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"several have this label: name one of {', '.join(ids())}" in refused.stderr
    assert "revoke" not in refused.stderr


def test_a_subscription_that_is_none_ends_as_the_help_says(valkey: Valkey, tmp_path: Path) -> None:
    done = {
        word: here(tmp_path, "subscriptions", word, "nobody", REDIS_URL=valkey.url).code
        for word in ("show", "renew", "delete", "adopt")
    }
    assert done == {"show": 1, "renew": 2, "delete": 2, "adopt": 2}
    said = " ".join(here(tmp_path, "subscriptions", "--help").out.split())
    assert "1 nothing that `show` names is there" in said
    assert "a slot, set or orphan that is none (of `renew`, `delete` and `adopt`)" in said
