"""The pages that this machine has fetched, and their way into the inbound stream: each once,
whatever is killed when.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from redis.exceptions import RedisError, ResponseError

from receiver.intake.accept import Receipts
from receiver.intake.inbound_writer import Batch, Inbound
from receiver.polling.page_file import (
    Page,
    PageFile,
    Unasked,
    drop,
    left,
    poll_of,
    set_aside,
    waiting,
)
from receiver.polling.records import Records, records_of
from receiver.polling.store import Store
from receiver.runtime.logs import Seldom
from receiver.runtime.private_files import sync_directory

log = structlog.get_logger()
_seldom = Seldom(log)

FollowUp = Callable[[Page], Awaitable[None]]
"""Takes a page that is in the inbound stream; the same page again, where a process was killed.
Raises one of `DOWN_ON_THE_LOOP`: then the page stays."""


class Shelf:
    """The page files of this machine, and their way into the inbound stream. One in a process."""

    def __init__(
        self, directory: Path, inbound: Inbound, store: Callable[[str], Store], within: float
    ) -> None:
        """`store` gives the state of a poll by its name; `within`: seconds for what is appended,
        with its wait for what others append.
        """
        self.directory = directory
        self.inbound = inbound
        self.receipts = Receipts()
        self.store = store
        self.follow_ups: dict[str, FollowUp] = {}
        """Callback -> what is done for each of its pages, before its file is removed."""
        self._unwritten: list[tuple[PageFile, Page]] = []
        self._within = within
        self._appending = asyncio.Lock()
        """All polls share one connection for what they append."""

    def waiting(self, poll: str) -> int:
        """Return how many pages of a poll are here, one that is being fetched included."""
        return sum(poll_of(path) == poll for path in waiting(self.directory))

    def holds(self, file: PageFile) -> bool:
        """Return whether a part of a page is in memory only: its file is nobody else's to read."""
        return any(file is each for each, _ in self._unwritten)

    async def keep(self, file: PageFile, page: Page, records: Records) -> None:
        """Append a page, count it, and remove its file. Where that raises anything, one of
        `DOWN_ON_THE_LOOP` say, the page stays here until `recover`.
        """
        try:
            await self._append(page, records)
        except Exception:
            self.leave(file, page)
            raise
        file.remove()
        await self._end(page, records)

    def leave(self, file: PageFile, page: Page) -> None:
        """Have a page wait here until `recover`, without asking Redis."""
        if file.on_disk:
            file.close()
        else:
            self._unwritten.append((file, page))

    async def recover(self) -> None:
        """Append every page that is left here: one that cannot be holds up no other. Raises at once
        where Redis does not answer; at the end, what kept the first page that stays.
        """
        kept_by: list[Exception] = []
        for file, page in list(self._unwritten):
            await _try(self._write(file, page), kept_by)
        for path in waiting(self.directory):
            await _try(self._recover(path), kept_by)
        if kept_by:
            raise kept_by[0]

    async def append(self, receipt: str, accepted: list[bytes], refused: list[bytes]) -> None:
        """Append notifications and refusals under their receipt, once however often this is
        called.
        """
        if accepted or refused:
            async with asyncio.timeout(self._within), self._appending:
                await self.inbound.append(Batch(receipt, 1, accepted, refused))

    async def probe(self) -> None:
        """Return when Redis would take a batch. Raises one of `DOWN_ON_THE_LOOP`."""
        async with asyncio.timeout(self._within), self._appending:
            await self.inbound.probe()

    async def _append(self, page: Page, records: Records) -> None:
        await self.append(page.asked.receipt, records.accepted, records.refused)
        await self.store(page.asked.poll).count(
            page.asked.receipt, records.outcome, records.messages, pending=records.pending
        )
        if follow_up := self.follow_ups.get(page.asked.callback):
            await follow_up(page)

    async def _end(self, page: Page, records: Records) -> None:
        """Have a page be remembered for an hour only, once its file is gone for good: one that is
        there again after a power cut would be appended anew.
        """
        if not (records.accepted or records.refused):
            return
        with contextlib.suppress(OSError):
            sync_directory(self.directory)
            await self.store(page.asked.poll).end_receipt(page.asked.receipt)

    async def _write(self, file: PageFile, page: Page) -> None:
        records = records_of(page)
        await self._append(page, records)
        file.remove()
        self._unwritten.remove((file, page))
        await self._end(page, records)

    async def _recover(self, path: Path) -> None:
        with contextlib.ExitStack() as stack:
            page = _left(path, stack)
            if page is None:
                return
            records = records_of(page)
            await self._append(page, records)
            drop(path)
            await self._end(page, records)
        log.info("poll.page_recovered", poll=page.asked.poll, outcome=records.outcome)


async def _try(append: Awaitable[None], kept_by: list[Exception]) -> None:
    """Append one page, or add what keeps it here. Raises what says nothing of that page: Redis does
    not answer, and each page would wait for it anew.
    """
    try:
        await append
    except ResponseError as error:
        kept_by.append(error)
    except (RedisError, ConnectionError, TimeoutError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the others go on
        kept_by.append(error)


def _left(path: Path, stack: contextlib.ExitStack) -> Page | None:
    """Lock a file and return its page; None where there is none to be had."""
    try:
        return stack.enter_context(left(path))
    except FileNotFoundError:
        pass
    except PermissionError:
        _seldom.say("error", "poll.page_unreadable", file=path.name)
    except Unasked:
        drop(path)
    except ValueError:
        _seldom.say("error", "poll.page_damaged", file=path.name)
        set_aside(path)
    return None
