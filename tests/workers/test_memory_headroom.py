"""Near a full Redis a stage waits: what says so is read of the server's reply itself."""

from types import SimpleNamespace
from typing import Any

import pytest

from receiver.contract.redis_keys import EVENTS
from tests.support.valkey import Valkey
from workers import memory_headroom
from workers.forward.delivery_queue import create_group
from workers.memory_headroom import Headroom

NOBODY: Any = None


def said(reply: bytes) -> bool:
    headroom = Headroom(NOBODY)
    headroom.told(reply)
    return headroom.nearly_full


@pytest.mark.parametrize(("limit", "full"), [("0", False), ("1gb", False), ("1mb", True)])
def test_a_reply_says_the_same_as_asking(valkey: Valkey, limit: str, full: bool) -> None:
    client: Any = valkey.client()
    client.set("much", b"x" * 2_000_000)
    client.config_set("maxmemory", limit)
    connection = client.connection_pool.get_connection()
    connection.send_command("INFO", "memory")
    reply = connection.read_response()
    client.connection_pool.release(connection)
    assert said(reply) is Headroom(client).ask() is full


def test_a_server_is_asked_for_its_memory_ten_times_a_second_at_most(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(memory_headroom, "time", SimpleNamespace(monotonic=lambda: clock.now))
    client: Any = valkey.client()
    headroom = Headroom(client)
    client.set("much", b"x" * 2_000_000)
    client.config_set("maxmemory", "1mb")
    assert headroom.ask() is headroom.nearly_full is True
    client.config_set("maxmemory", "1gb")
    clock.now = 0.0999
    assert (headroom.is_due(), headroom.ask()) == (False, True)
    clock.now = 0.1
    assert (headroom.is_due(), headroom.ask()) == (True, False)
    headroom.told(b"used_memory:95\r\nmaxmemory:100\r\n")
    assert (headroom.is_due(), headroom.ask()) == (False, True)


def test_at_nine_tenths_a_server_is_not_nearly_full_yet() -> None:
    assert not said(b"used_memory:90\r\nmaxmemory:100\r\n")
    assert said(b"used_memory:91\r\nmaxmemory:100\r\n")


def test_a_server_that_does_not_say_its_limit_is_never_full() -> None:
    silent: Any = SimpleNamespace(info=lambda _section: {"used_memory": 95})
    assert not Headroom(silent).ask()
    assert not said(b"used_memory:95\r\n")


def test_only_what_a_sink_has_to_deliver_is_waited_for(valkey: Valkey) -> None:
    client: Any = valkey.client()
    assert memory_headroom.sinks_have_backlog(client) is False
    client.xadd(EVENTS, {"event": "{}"})
    for name in ("the company's own", "caf\xe9".encode("latin-1")):
        client.xgroup_create(EVENTS, name, id="0")
    assert memory_headroom.sinks_have_backlog(client) is False
    create_group(client, "copy", "0")
    assert memory_headroom.sinks_have_backlog(client) is True


def test_an_event_that_was_erased_is_no_backlog(valkey: Valkey) -> None:
    client: Any = valkey.client()
    create_group(client, "copy", "0")
    entries = [client.xadd(EVENTS, {"event": "{}"}) for _ in range(3)]
    client.xreadgroup("forward:copy", "one", {EVENTS: ">"}, count=2, noack=True)
    client.xdel(EVENTS, entries[1])
    client.xadd(EVENTS, {"event": "{}"})
    client.xgroup_setid(EVENTS, "forward:copy", entries[0])  # as parking does, which tells no count
    assert client.xinfo_groups(EVENTS)[0]["lag"] is None
    assert memory_headroom.sinks_have_backlog(client) is True
    client.xdel(EVENTS, *[entry for entry, _ in client.xrange(EVENTS)][1:])
    assert client.xinfo_groups(EVENTS)[0]["lag"] is None
    assert memory_headroom.sinks_have_backlog(client) is False
