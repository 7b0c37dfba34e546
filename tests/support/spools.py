"""An intake with its spool in this process, before a real Valkey, and what is on the disk."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from receiver.contract.redis_keys import INBOUND
from receiver.intake.availability import Availability
from receiver.intake.group_commit import Intake
from receiver.intake.inbound_writer import Batch, Inbound, script
from receiver.intake.redis_link import RedisLink
from receiver.intake.spool import location
from receiver.intake.spool.depth import Depth
from receiver.intake.spool.drain import Drain
from receiver.intake.spool.spool import Spool
from receiver.intake.spool.spool_file import SpoolFile
from tests.support.eventually import eventually
from tests.support.valkey import Valkey


def filled(directory: Path, rows: int, *, number: int = 0) -> Path:
    """A file that a dead process left, with notifications 0, 1, ... in as many rows."""
    file = left(directory, number)
    for row in range(rows):
        file.write(Batch(f"f{number}", row + 1, [b"%d" % row], []))
    file.close()
    return location.own(directory) / file.name


def inbound(url: str, availability: Availability | None = None) -> Inbound:
    return Inbound(RedisLink(url, script()), lambda: None, lambda *_: None, availability)


def appended(valkey: Valkey) -> list[bytes]:
    entries: Any = valkey.client().xrange(INBOUND)
    return [fields[b"n"] for _, fields in entries]


def depth(directory: Path) -> Depth:
    return location.look(directory).depth


def left(directory: Path, number: int) -> SpoolFile:
    """A file of the spool, for what a process that has died left in it."""
    file = SpoolFile.acquire(location.prepare(directory), number)
    assert file
    return file


class House:
    """An intake with its spool and drain, as a web process has them."""

    def __init__(self, url: str, directory: Path) -> None:
        self.availability = Availability()
        self.spool = Spool(directory, 1024**3)
        self.intake = Intake(inbound(url, self.availability), self.spool)
        self.drain = Drain(self.spool, inbound(url, self.availability), self.availability)

    async def keep(self, *names: str) -> None:
        for name in names:
            await self.intake.keep([name.encode()], [])

    async def emptied(self) -> None:
        await asyncio.to_thread(eventually, lambda: not self.spool.engaged)


def live(url: str, directory: Path, test: Callable[[House], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        house = House(url, directory)
        await house.spool.start()
        house.drain.start()
        house.intake.start()
        try:
            await test(house)
        finally:
            await house.intake.close()
            await house.drain.close()
            await house.spool.close()

    asyncio.run(main())


def drained(valkey: Valkey, directory: Path) -> list[int]:
    """What came out so far, once a next process has drained what can be drained."""
    live(valkey.url, directory, lambda house: house.emptied())
    return [int(name) for name in appended(valkey)]
