"""A spool before a Redis with a slow line: what takes longer than a request may wait is drained."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf
from pathlib import Path

from receiver.intake.inbound_writer import Batch
from receiver.runtime.cancelling import cancel
from tests.support.spools import House, appended, left
from tests.support.valkey import Valkey

RATE = 400_000
"""Bytes a second."""
SIZE = 500_000


async def _pass_on(source: StreamReader, to: StreamWriter, rate: float) -> None:
    with suppress(ConnectionError):
        while data := await source.read(8192):
            to.write(data)
            await to.drain()
            await asyncio.sleep(len(data) / rate)


@asynccontextmanager
async def slow_line(valkey: Valkey) -> AsyncIterator[str]:
    """The address of a slow line to a Valkey."""
    lines: list[asyncio.Task[None]] = []

    async def connect(reader: StreamReader, writer: StreamWriter) -> None:
        answers, words = await asyncio.open_unix_connection(str(valkey.socket))
        back = asyncio.create_task(_pass_on(answers, writer, inf))
        try:
            await _pass_on(reader, words, RATE)
        finally:
            await cancel([back])
            for end in (words, writer):
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()

    def connected(reader: StreamReader, writer: StreamWriter) -> None:
        lines.append(asyncio.create_task(connect(reader, writer)))

    async with await asyncio.start_server(connected, "127.0.0.1", 0, limit=16_384) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        await cancel(lines)


def test_what_takes_the_line_longer_than_a_request_may_wait_is_drained(
    valkey: Valkey, tmp_path: Path
) -> None:
    file = left(tmp_path, 0)
    for number in (1, 2):
        file.write(Batch("f", number, [b"%d" % number + b"x" * SIZE], []))
    file.close()

    async def main() -> None:
        async with slow_line(valkey) as url:
            house = House(url, tmp_path)
            await house.spool.start()
            house.drain.start()
            await house.emptied()
            await house.drain.close()
            await house.spool.close()

    asyncio.run(main())
    assert [one[:1] for one in appended(valkey)] == [b"1", b"2"]
