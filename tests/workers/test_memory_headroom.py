"""Near a full Redis a stage waits: what says so is read of the server's reply itself."""

from typing import Any

import pytest

from tests.support.valkey import Valkey
from workers import memory_headroom


@pytest.mark.parametrize(("limit", "full"), [("0", False), ("1gb", False), ("1mb", True)])
def test_a_reply_says_the_same_as_asking(valkey: Valkey, limit: str, full: bool) -> None:
    client: Any = valkey.client()
    client.set("much", b"x" * 2_000_000)
    client.config_set("maxmemory", limit)
    connection = client.connection_pool.get_connection()
    connection.send_command("INFO", "memory")
    reply = connection.read_response()
    client.connection_pool.release(connection)
    assert memory_headroom.told_nearly_full(reply) is memory_headroom.nearly_full(client) is full
