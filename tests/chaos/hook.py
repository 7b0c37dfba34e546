"""A consumer's web hook that takes batches of events, and may not be there at all."""

import asyncio
import contextlib
import re
from collections import Counter

import msgspec

from tests.support.commands import free_port

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class _Event(msgspec.Struct):
    id: str


_batch = msgspec.json.Decoder(list[_Event])


class Hook:
    """Counts the events that it is given, by their ids."""

    def __init__(self) -> None:
        self.port = free_port()
        self.taken: Counter[str] = Counter()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Be there; until then connections are refused."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def close(self) -> None:
        """Take nothing more."""
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                assert length
                body = await reader.readexactly(int(length[1]))
                self.taken.update(one.id for one in _batch.decode(body))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
