"""`receiver watch` and the watched messages in `receiver ledger`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from receiver.cli import ledger, watch
from receiver.contract.redis_keys import WATCH_COUNTS
from tests.support.commands import on_a_terminal
from tests.support.outboxes import Outbox, Watched, outbox, statuses
from tests.support.valkey import Valkey


@pytest.fixture
def gateway() -> Iterator[Outbox]:
    with outbox() as found:
        yield found


@pytest.fixture
def watched(valkey: Valkey, gateway: Outbox, tmp_path: Path) -> Watched:
    return Watched(valkey, gateway, tmp_path)


def test_a_message_is_added_listed_and_dropped(watched: Watched) -> None:
    def receiver(*words: str) -> Any:
        name, *rest = words
        command = {"watch": watch.command, "ledger": ledger.command}[name]
        return CliRunner().invoke(command, rest, env=watched.environ)

    assert receiver("watch", "add", "SMS1", "SMS1", "SMS2").stderr.splitlines() == [
        "SMS1: watched",
        "SMS1: watched already",
        "SMS2: watched",
    ]
    listed = receiver("watch", "list")
    found = [json.loads(line) for line in listed.stdout.splitlines()]
    assert sorted(each["id"] for each in found) == ["SMS1", "SMS2"]
    assert found[0]["looks"] == 0
    sums = "watched 2 final 0 gone 0 expired 0 dropped 0 open 2 same 0"
    assert f"promo: {sums}" in listed.stderr
    assert receiver("watch", "drop", "SMS1").stderr == "dropped 1\n"
    again = receiver("watch", "drop", "SMS1", "--poll", "promo")
    assert (again.exit_code, again.stderr.splitlines()[0]) == (1, "dropped 0")
    books = json.loads(receiver("ledger", "--json").stdout)
    assert books["balanced"]
    assert (books["watches"][0]["dropped"], books["watches"][0]["open"]) == (1, 1)
    watched.redis.hincrby(WATCH_COUNTS, "promo:final", 1)
    unbalanced = receiver("ledger")
    assert unbalanced.exit_code == 1
    assert json.loads(unbalanced.stdout)["watches"][0]["final"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("SMS1", "0x181bce3883beadf85443215d6fL"), "pushed only"),
        (("SMS1", "--poll", "nobody"), "no such poll of kind att-status as 'nobody': promo"),
        (("SMS1", "--sender", "a b"), "sender"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_a_sentence_and_nothing_is_added(
    watched: Watched, words: tuple[str, ...], said: str
) -> None:
    done = CliRunner().invoke(watch.command, ["add", *words], env=watched.environ)
    assert done.exit_code == 2
    assert said in done.stderr
    assert watched.counts() == {}


def test_without_such_a_poll_it_says_what_is_missing(watched: Watched) -> None:
    (watched.directory / "receiver.toml").write_text("")
    done = CliRunner().invoke(watch.command, ["add", "SMS1"], env=watched.environ)
    assert done.exit_code == 2
    assert 'no [[poll]] of kind = "att-status"' in done.stderr


def test_people_see_a_table_without_telephone_numbers(watched: Watched) -> None:
    watched.gateway.script["SMS1"] = [statuses(("tel:+12065550100", "DeliveredToNetwork"))]
    watched.ask_for("SMS1")
    watched.poll(lambda: watched.looks() == 1)
    seen = on_a_terminal(watched.directory, "watch", "list", **watched.environ)
    assert "SMS1" in seen
    assert "1 DeliveredToNetwork" in seen
    assert "5550100" not in seen
