"""What follows for a watched message from the page that an answer brought, written into Redis.

It is done after the page is in the inbound stream and before its file is removed: a process that is
killed between the two does it again from the file, with the same result.
"""

from collections.abc import Callable, Sequence
from typing import Any

import redis.asyncio

from receiver.carriers import att
from receiver.carriers.att import outbox
from receiver.carriers.att.outbox import Status
from receiver.carriers.carrier import Rejected
from receiver.config.settings import Settings
from receiver.contract.redis_keys import WATCHES
from receiver.polling import watch as watching
from receiver.polling import watch_store
from receiver.polling.page_file import Page
from receiver.polling.watch import Step, Watch


class Settlement:
    """Settles watches. Every method may raise one of `DOWN_ON_THE_LOOP`."""

    def __init__(self, client: "redis.asyncio.Redis", settings: Callable[[], Settings]) -> None:
        """`settings` has the regions of listeners, by which their statuses come out."""
        self._client: Any = client
        self._settings = settings

    async def of_page(self, page: Page) -> None:
        """Settle the watch that a page is about; nothing where there is none any more. Where it is
        settled by another page meanwhile, this one is added to that.
        """
        name = watching.field(page.asked.poll, outbox.message_id(page.asked.path))
        now, (_, region) = await self._now(), self._settings().place(page.asked.listener)
        while record := await self._read(name):
            if await self.write(record, _step(watching.read(name, record), page, region, now)):
                return

    async def write(self, record: bytes, step: Step) -> bool:
        """Write a step. Returns whether the record was still this one."""
        call = watch_store.settle(watching.decode(record), record, step)
        return bool(await self._client.eval(*call))

    async def _read(self, name: str) -> bytes:
        found: bytes | None = await self._client.hget(WATCHES, name)
        return found or b""

    async def _now(self) -> int:
        seconds, microseconds = await self._client.time()
        server = int(seconds) * 1000 + int(microseconds) // 1000
        return watching.earlier(server)


def found_in(page: Page, region: str) -> tuple[Sequence[Status], bool]:
    """Return the statuses in a page of a listener in this region, and whether these are all that
    the gateway answered.
    """
    try:
        found = outbox.statuses(page.body, page.content_type, region)
    except Rejected:
        found = None
    if found is not None and (page.complete or page.died):
        return found, True
    rest = att.OUTBOX.salvage(page.body) if att.OUTBOX.salvage else None
    return outbox.statuses(rest, "application/json", region) if rest else (), False


def _step(watch: Watch, page: Page, region: str, now: int) -> Step:
    found, whole = found_in(page, region)
    if whole:
        return watching.answered(watch, found, now)
    if page.complete:  # an answer, and none that we know
        return watching.refused(watch, now)
    return watching.salvaged(watch, found)
