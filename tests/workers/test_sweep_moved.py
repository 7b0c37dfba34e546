"""Histories are trimmed by what our groups have done, also right after somebody has moved one."""

from typing import Any

import msgspec
import pytest

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND, MARKS, forward_group
from receiver.operations import ledger, sink_ledger
from tests.support.forwarding import Forwarding, publish_many
from tests.support.valkey import Valkey
from tests.workers.conftest import STRANGERS, Stranger
from tests.workers.test_groups_moved import accept, published, texts, work
from workers.maintenance import sink_sweep
from workers.maintenance.sink_sweep import SinkSweep
from workers.maintenance.sweep import HISTORIES, Sweep

NOTHING_KEPT = [msgspec.structs.replace(history, milliseconds=0) for history in HISTORIES]


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_no_open_notification_goes(valkey: Valkey, stranger: Stranger) -> None:
    client: Any = valkey.client()
    accept(client, *range(20))
    work(client)
    accept(client, *range(20, 40))
    client.xreadgroup(GROUP, "two", {INBOUND: ">"}, count=5)
    stranger(client, INBOUND, GROUP)
    Sweep(client, [one for one in NOTHING_KEPT if one.stream == INBOUND]).trim()
    work(client, "two")
    work(client)
    assert published(client) == texts(40)
    books = ledger.read(client)
    assert (books.published, books.open, books.balanced) == (40, 0, True)


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_no_event_goes_that_a_sink_has_still_to_get(valkey: Valkey, stranger: Stranger) -> None:
    sink = RedisStreamSink(name="copy", stream="company:events")
    forwarding = Forwarding(valkey, sink)
    publish_many(valkey, 20)
    forwarding.run()
    publish_many(valkey, 20, first=20)
    stranger(forwarding.client, EVENTS, forward_group("copy"))
    Sweep(forwarding.client, NOTHING_KEPT).trim()
    forwarding.run()
    assert forwarding.client.xlen("company:events") == 40
    (books,) = sink_ledger.read(forwarding.client)
    assert (books.delivered, books.open, books.balanced) == (40, 0, True)


@pytest.mark.parametrize("group", [GROUP, "forward:gone"])
@pytest.mark.parametrize("mark", ["0-0 none", "none 5-5 x", "x y"])
def test_a_mark_that_somebody_else_wrote_holds_nothing(
    valkey: Valkey, group: str, mark: str
) -> None:
    client: Any = valkey.client()
    accept(client, *range(20))
    work(client)
    client.hset(MARKS, group, mark)
    Sweep(client, NOTHING_KEPT).trim()
    assert (client.xlen(INBOUND), client.xlen(EVENTS)) == (0, 0)


def test_what_is_done_goes_once_the_group_is_back(valkey: Valkey) -> None:
    client: Any = valkey.client()
    accept(client, *range(20))
    work(client)
    client.xgroup_setid(INBOUND, GROUP, "0")
    work(client)
    Sweep(client, NOTHING_KEPT).trim()
    assert client.xlen(INBOUND) == 0


def test_a_sink_that_is_gone_with_its_group_holds_nothing_for_ever(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    client = forwarding.client
    publish_many(valkey, 20)
    forwarding.run()
    publish_many(valkey, 20, first=20)
    client.xgroup_destroy(EVENTS, forward_group("copy"))
    SinkSweep(client, ()).run()
    Sweep(client, NOTHING_KEPT).trim()
    assert client.xlen(EVENTS) == 20
    monkeypatch.setattr(sink_sweep, "RETIRED_AFTER", -1)
    SinkSweep(client, ()).run()
    assert not client.hexists(MARKS, forward_group("copy"))
    Sweep(client, NOTHING_KEPT).trim()
    assert client.xlen(EVENTS) == 0
