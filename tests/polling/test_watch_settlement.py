"""What an answer says of a watched message counts, whatever else happens to the watch."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from receiver.carriers import att
from receiver.contract.redis_keys import WATCHES, watch_due
from receiver.polling import watch as watching
from receiver.polling.page_file import Asked, Page
from receiver.polling.watch import Step
from receiver.polling.watch_settlement import Settlement
from receiver.runtime.redis_client import async_client
from tests.support.command_line import here
from tests.support.outboxes import DELIVERED, A, Watched, statuses

PATH = "/sms/v3/messaging/outbox/{}"


def page(name: str) -> Page:
    """The answer that a message is delivered."""
    asked = Asked("promo", att.OUTBOX.name, "default", "r", PATH.format(name))
    return Page(asked, 0, 200, "application/json", statuses((A, DELIVERED)).body, complete=True)


def settle(watched: Watched, one: Page) -> None:
    async def run() -> None:
        async with async_client(watched.valkey.url) as client:
            async with asyncio.timeout(30):
                await Settlement(client, lambda: watched.settings).of_page(one)

    asyncio.run(run())


def test_a_final_status_counts_also_where_another_answer_is_settled_meanwhile(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.watch("SMS1")
    write = Settlement.write

    async def write_second(self: Settlement, record: bytes, step: Step) -> bool:
        monkeypatch.undo()
        watch = watching.decode(record)
        assert await write(self, record, watching.refused(watch, watched.now()))
        return await write(self, record, step)

    monkeypatch.setattr(Settlement, "write", write_second)
    settle(watched, page("SMS1"))
    assert watched.counts() == {"watched": 1, "final": 1}
    assert watched.watches() == []


def test_a_record_that_is_another_messages_holds_nobody_up_and_is_dropped_alone(
    watched: Watched, tmp_path: Path
) -> None:
    watched.watch("SMS1", "SMS2")
    name = watching.field("promo", "SMS1")
    other: Any = watched.redis.hget(WATCHES, watching.field("promo", "SMS2"))
    watched.redis.hset(WATCHES, name, other)
    with pytest.raises(ValueError, match="another"):
        settle(watched, page("SMS1"))
    dropped = here(tmp_path, "watch", "drop", "SMS1", REDIS_URL=watched.valkey.url)
    assert (dropped.code, dropped.err) == (0, "dropped 1\n")
    assert [one.id for one in watched.watches()] == ["SMS2"]
    assert watched.redis.zcard(watch_due("promo")) == 1
