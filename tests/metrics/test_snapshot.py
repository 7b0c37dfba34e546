"""What the script behind the metrics says of a consumer group's oldest open entry."""

from typing import Any

from receiver.runtime import scripts
from tests.support.valkey import Valkey

SCRIPT = scripts.load("receiver.metrics", "snapshot")


def waiting(client: Any) -> list[Any]:
    (length, groups) = client.eval(SCRIPT, 1, "a-stream")[1]
    return [length, *groups]


def test_the_oldest_entry_that_waits_is_the_first_open_or_else_the_first_undelivered(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    client.xgroup_create("a-stream", "g", id="0", mkstream=True)
    for moment in (1000, 2000, 3000):
        client.xadd("a-stream", {"a": "b"}, id=f"{moment}-0")
    assert waiting(client) == [3, [b"g", 3, 1000]]
    client.xreadgroup("g", "me", {"a-stream": ">"}, count=1)
    assert waiting(client) == [3, [b"g", 3, 1000]]
    client.xack("a-stream", "g", "1000-0")
    assert waiting(client) == [3, [b"g", 2, 2000]]
    client.xreadgroup("g", "me", {"a-stream": ">"})
    client.xack("a-stream", "g", "2000-0", "3000-0")
    assert waiting(client) == [3, [b"g", 0, 0]]
