from typing import Any

import pytest

from workers.normalise.inbound_reader import BATCH, BATCH_BYTES, InboundReader


def asked(inbox: InboundReader) -> int:
    command = inbox.read()
    count: int = command[command.index("COUNT") + 1]
    return count


def reply(bodies: int, size: int) -> Any:
    return {b"receiver:inbound": [[b"1-0", [b"n", b"x" * size]] for _ in range(bodies)]}


@pytest.mark.parametrize(("size", "most"), [(600, BATCH), (262144, BATCH_BYTES // 262144)])
def test_the_next_batch_holds_no_more_than_a_worker_can_carry(size: int, most: int) -> None:
    inbox = InboundReader("host-0")
    inbox.entries(reply(10, size))
    assert asked(inbox) == most


def test_the_first_batch_is_small_because_nobody_knows_what_is_in_it() -> None:
    assert asked(InboundReader("host-0")) * 262144 <= 2 * BATCH_BYTES


def test_both_protocol_versions_are_read() -> None:
    body = [[b"1-0", [b"n", b"x"]], [b"2-0", None]]
    expected = [(b"1-0", b"x"), (b"2-0", b"")]
    assert InboundReader("host-0").entries({b"receiver:inbound": body}) == expected
    assert InboundReader("host-0").entries([[b"receiver:inbound", body]]) == expected
    assert InboundReader("host-0").entries(None) == []
