"""A TCP line of our own between two parts, so that it can be cut, held, delayed and reset."""

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import Sequence
from random import Random
from typing import Literal

Address = int | str
"""A port on 127.0.0.1, or a unix socket's path."""
Trouble = Literal["", "cut", "hold", "half-open", "delay", "reset-request", "reset-reply"]
_AT_ONCE = 65536


class Line:
    """Forwards to the first of its far ends that answers, taking turns."""

    def __init__(self, far_ends: Sequence[Address], random: Random) -> None:
        self._far_ends = far_ends
        self._random = random
        self._turn = itertools.count()
        self._trouble: Trouble = ""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> int:
        """Begin; returns the port of the near end."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1024)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Cut everything for good."""
        self._server.close()
        while self._tasks:
            self._reset_all()
            await asyncio.sleep(0.01)

    async def suffer(self, trouble: Trouble, seconds: float) -> None:
        """One kind of trouble for a while, then none."""
        self._trouble = trouble
        if trouble == "cut":
            self._reset_all()
        if trouble == "hold":
            self._flowing.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._trouble = ""
            self._flowing.set()
            if trouble == "half-open":
                self._reset_all()

    async def _accept(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        found = None if self._trouble == "cut" else await self._reach()
        if found is None:
            _reset(back)
            return
        far, forth = found
        both = {back, forth}
        self._open |= both
        pumps = (
            self._pump(near, forth, both, reply=False),
            self._pump(far, back, both, reply=True),
        )
        await asyncio.gather(*pumps)
        self._open -= both

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        first = next(self._turn)
        for number in range(len(self._far_ends)):
            address = self._far_ends[(first + number) % len(self._far_ends)]
            with contextlib.suppress(OSError):
                if isinstance(address, str):
                    return await asyncio.open_unix_connection(address)
                return await asyncio.open_connection("127.0.0.1", address)
        return None

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        both: set[asyncio.StreamWriter],
        *,
        reply: bool,
    ) -> None:
        """One direction, until either side ends; then the other direction ends too."""
        try:
            while data := await reader.read(_AT_ONCE):
                await self._flowing.wait()
                if self._trouble == "delay":
                    await asyncio.sleep(self._random.uniform(0.02, 0.2))
                if self._trouble == "half-open":
                    continue
                if self._trouble == ("reset-reply" if reply else "reset-request"):
                    if not reply:
                        writer.write(data[: self._random.randrange(len(data))])
                        await asyncio.sleep(0.005)  # so that it leaves before the reset
                    for each in both:
                        _reset(each)
                    return
                if writer.is_closing():
                    return
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # it ended
        finally:
            for each in both:
                each.close()

    def _reset_all(self) -> None:
        for writer in [*self._open]:
            if not writer.is_closing():
                _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Not a polite end: RST, and what is not sent yet is gone."""
    end = writer.get_extra_info("socket")
    if end is not None and end.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
