"""A Redis up to 7.2.4 forgets at a restart how many entries a group has read, and gets it back."""

from pathlib import Path
from typing import Any

import pytest

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND, POSITIONS, forward_group
from receiver.operations import ledger, sink_ledger
from tests.support.eventually import eventually
from tests.support.forwarding import Forwarding, publish_many
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey
from tests.workers.test_groups_moved import accept, work
from workers.maintenance.sweep import Sweep

COPY = forward_group("copy")
SINK = RedisStreamSink(name="copy", stream="company:events")


def forgets(client: Any, stream: str, name: str, read: int = 0) -> None:
    """What such a server has after a restart: the position, and how much was read long ago."""
    (group,) = (one for one in client.xinfo_groups(stream) if one["name"] == name.encode())
    at = group["last-delivered-id"]
    client.execute_command("XGROUP", "SETID", stream, name, at, "ENTRIESREAD", read)


def open_of(client: Any) -> tuple[int, bool]:
    (books,) = sink_ledger.read(client)
    return books.open, books.balanced


def test_the_sink_s_ledger_balances_again_after_a_restart(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, SINK)
    client, sweep = forwarding.client, Sweep(forwarding.client)
    publish_many(valkey, 300)
    forwarding.run()
    sweep.keep_positions()
    publish_many(valkey, 300, first=300)
    forwarding.run()
    forgets(client, EVENTS, COPY)
    publish_many(valkey, 10, first=600)
    assert open_of(client) == (610, False)
    sweep.keep_positions()
    assert open_of(client) == (10, True)
    forwarding.run()
    sweep.keep_positions()
    assert open_of(client) == (0, True)
    assert client.xlen("company:events") == 610


def test_what_was_read_since_the_restart_counts_before_the_first_sweep_too(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, SINK)
    client, sweep = forwarding.client, Sweep(forwarding.client)
    publish_many(valkey, 20)
    forwarding.run()
    sweep.keep_positions()
    forgets(client, EVENTS, COPY)
    publish_many(valkey, 50, first=20)
    forwarding.run()  # more than it had read when that was noted
    assert open_of(client) == (20, False)
    sweep.keep_positions()
    assert open_of(client) == (0, True)


@pytest.mark.parametrize("waited", [0, 10])
def test_what_was_forgotten_before_there_were_notes_is_known_once_all_is_read(
    valkey: Valkey, waited: int
) -> None:
    """As after an upgrade from a version that took none, on a server that was restarted before."""
    forwarding = Forwarding(valkey, SINK)
    client, sweep = forwarding.client, Sweep(forwarding.client)
    publish_many(valkey, 20)
    forwarding.run()
    forgets(client, EVENTS, COPY)
    if waited:
        publish_many(valkey, waited, first=20)
        sweep.keep_positions()
        forwarding.run()
    assert open_of(client) == (20, False)
    sweep.keep_positions()
    assert open_of(client) == (0, True)


@pytest.mark.parametrize("since", [2000, 2300])
def test_what_was_read_since_the_last_sweep_is_counted_page_by_page(
    valkey: Valkey, since: int
) -> None:
    client: Any = valkey.client()
    sweep = Sweep(client)
    publish_many(valkey, 10 + since + 5)
    client.xgroup_create(EVENTS, "mine", "0")
    client.xreadgroup("mine", "one", {EVENTS: ">"}, count=10, noack=True)
    sweep.keep_positions()
    client.xreadgroup("mine", "one", {EVENTS: ">"}, count=since, noack=True)
    forgets(client, EVENTS, "mine")
    sweep.keep_positions()
    assert client.xinfo_groups(EVENTS)[0]["lag"] == 5


def test_the_notifications_ledger_balances_again_after_a_restart(valkey: Valkey) -> None:
    client, sweep = valkey.client(), Sweep(valkey.client())
    accept(client, *range(20))
    work(client)
    sweep.keep_positions()
    forgets(client, INBOUND, GROUP, read=3)
    assert not ledger.read(client).balanced
    sweep.keep_positions()
    books = ledger.read(client)
    assert (books.published, books.open, books.balanced) == (20, 0, True)


def test_what_waits_goes_on_waiting_and_who_moved_a_group_back_is_not_believed_to_have_read(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    sweep = Sweep(client)
    ids = [client.xadd(EVENTS, {"event": "{}"}) for _ in range(20)]
    client.xgroup_create(EVENTS, "mine", "0")
    client.xreadgroup("mine", "one", {EVENTS: ">"}, count=15, noack=True)
    sweep.keep_positions()
    forgets(client, EVENTS, "mine")
    sweep.keep_positions()
    assert client.xinfo_groups(EVENTS)[0]["lag"] == 5
    client.execute_command("XGROUP", "SETID", EVENTS, "mine", ids[4], "ENTRIESREAD", "5")
    sweep.keep_positions()
    assert client.xinfo_groups(EVENTS)[0]["lag"] == 15


def test_of_deleted_entries_and_of_another_stream_nothing_is_made_up(valkey: Valkey) -> None:
    client, sweep = valkey.client(), Sweep(valkey.client())
    ids: Any = [client.xadd(EVENTS, {"event": "{}"}) for _ in range(10)]
    client.xgroup_create(EVENTS, "mine", "0")
    client.xreadgroup("mine", "one", {EVENTS: ">"}, count=5, noack=True)
    sweep.keep_positions()
    client.xdel(EVENTS, ids[7])
    client.xreadgroup("mine", "one", {EVENTS: ">"}, count=1, noack=True)
    before: Any = client.xinfo_groups(EVENTS)
    sweep.keep_positions()
    assert client.xinfo_groups(EVENTS) == before
    client.delete(EVENTS)
    client.xadd(EVENTS, {"event": "{}"})
    client.xgroup_create(EVENTS, "mine", "$")
    before = client.xinfo_groups(EVENTS)
    sweep.keep_positions()
    assert client.xinfo_groups(EVENTS) == before
    client.xgroup_destroy(EVENTS, "mine")
    sweep.keep_positions()
    assert client.exists(POSITIONS) == 0


def test_receiver_worker_does_it(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(
        '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\n'
    )
    receiver.start()
    for _ in range(3):
        receiver.acknowledged("/att/sms/mo", mo())
    receiver.settled()
    client: Any = receiver.redis
    noted = f"{EVENTS} {COPY}"
    eventually(lambda: (client.hget(POSITIONS, noted) or b"").endswith(b" 3"))
    forgets(client, EVENTS, COPY)
    eventually(lambda: client.xinfo_groups(EVENTS)[0]["lag"] == 0)
    eventually(lambda: "groups.restored" in receiver.log.read_text())  # which is said after it
