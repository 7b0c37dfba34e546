"""A watch that cannot be read holds up no other."""

import json
from pathlib import Path

import pytest

from receiver.contract.redis_keys import WATCH_COUNTS, WATCHES, watch_due
from receiver.operations import watch_ledger
from receiver.polling import watch
from tests.support.command_line import here
from tests.support.outboxes import Watched, statuses


def test_those_that_are_due_with_one_that_cannot_be_read_are_asked_for(watched: Watched) -> None:
    names = ["SMS1", "SMS2", "SMS3"]
    unreadable = watch.field("promo", "SMS0")
    watched.redis.hset(WATCHES, unreadable, "no record")
    watched.redis.zadd(watch_due("promo"), {unreadable: 0})
    for name in names:
        watched.gateway.script[name] = [statuses(("tel:+12065550100", "DeliveredToTerminal"))]
    watched.ask_for(*names)
    watched.poll(lambda: watched.counts().get("final") == len(names), within=30)
    assert watched.redis.hkeys(WATCHES) == [unreadable.encode()]
    assert watched.redis.zscore(watch_due("promo"), unreadable)


def test_it_is_listed_and_can_be_dropped(watched: Watched, tmp_path: Path) -> None:
    unreadable = watch.field("promo", "SMS0")
    watched.redis.hset(WATCHES, unreadable, "no record")
    watched.redis.zadd(watch_due("promo"), {unreadable: 0})
    watched.redis.hset(WATCH_COUNTS, "promo:watched", 1)
    listed = here(tmp_path, "watch", "list", REDIS_URL=watched.valkey.url)
    assert [json.loads(line)["id"] for line in listed.out.splitlines()] == ["SMS0"]
    dropped = here(tmp_path, "watch", "drop", "SMS0", REDIS_URL=watched.valkey.url)
    assert (dropped.code, dropped.err) == (0, "dropped 1\n")
    (books,) = watch_ledger.read(watched.redis)
    assert (books.dropped, books.open, books.balanced) == (1, 0, True)


@pytest.mark.parametrize("due", ["-inf", "+inf", "1e300"])
def test_a_time_that_is_none_ends_no_command(watched: Watched, tmp_path: Path, due: str) -> None:
    watched.redis.hset(WATCH_COUNTS, "promo:watched", 1)
    watched.redis.hset(WATCHES, watch.field("promo", "SMS0"), "no record")
    watched.redis.zadd(watch_due("promo"), {watch.field("promo", "SMS0"): float(due)})
    for words in (["watch", "list"], ["ledger"]):
        assert here(tmp_path, *words, REDIS_URL=watched.valkey.url).code == 0
    doctor = here(tmp_path, "doctor", REDIS_URL=watched.valkey.url, KEY="k", SECRET="s")
    assert doctor.code in (0, 1)
