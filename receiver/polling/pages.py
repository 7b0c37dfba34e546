"""The page protocol: what a destructive read brings is durable before anything else happens to it.

For each page: Redis is asked whether it would take it; a page file is created and a mebibyte of the
disk reserved; the request is sent; each chunk that comes is written before the next is read; the
file is closed with a last line and made durable; the page goes, unparsed, into the inbound stream
as one numbered batch, whose flusher is the receipt and whose number is 1; it is counted; the file
is removed. A process that is killed anywhere in this leaves a file, and the next one appends and
counts it again, which changes nothing where it was done before.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from receiver.carriers.carrier import Callback
from receiver.config.polls import GatewayPoll
from receiver.intake.accept import Receipts
from receiver.intake.inbound_writer import Batch, Inbound
from receiver.outbound import Action, NotSent, RequestError, TokenRefused
from receiver.outbound.request_error import error_code
from receiver.polling.gateway import Gateway, Sent
from receiver.polling.page_file import (
    Asked,
    Page,
    PageFile,
    Unasked,
    drop,
    left,
    poll_of,
    set_aside,
    waiting,
)
from receiver.polling.records import Judge, Records, records_of
from receiver.polling.rounds import Outcome, Ready
from receiver.polling.store import Store
from receiver.runtime.redis_client import DOWN_ON_THE_LOOP

log = structlog.get_logger()


class Fetched(Struct, frozen=True):
    """How one request of the page protocol ended."""

    outcome: Outcome
    status: int = 0
    code: str = ""
    """Of an error answer, such as `SVC0002`."""
    body: bytes = b""
    """Of an error answer, its beginning. A page is in the inbound stream."""
    messages: int = 0
    pending: int = 0
    retry_after: float | None = None
    trouble: str = ""
    """What is wrong and what to do, in one sentence."""


FollowUp = Callable[[Page], Awaitable[None]]
"""Takes a page that is in the inbound stream; the same page again, where a process was killed.
Raises one of `DOWN_ON_THE_LOOP`: then the page stays."""


class Shelf:
    """The page files of this machine, and their way into the inbound stream. One in a process."""

    def __init__(self, directory: Path, inbound: Inbound, store: Callable[[str], Store]) -> None:
        """`store` gives the state of a poll by its name."""
        self.directory = directory
        self.inbound = inbound
        self.receipts = Receipts()
        self.store = store
        self.follow_ups: dict[str, FollowUp] = {}
        """Callback -> what is done for each of its pages, before its file is removed."""
        self._unwritten: list[tuple[PageFile, Page]] = []
        self._appending = asyncio.Lock()
        """All polls share one connection for what they append."""

    def waiting(self, poll: str) -> int:
        """Return how many pages of a poll are here, one that is being fetched included."""
        return sum(poll_of(path) == poll for path in waiting(self.directory))

    def holds(self, file: PageFile) -> bool:
        """Return whether a part of a page is in memory only: its file is nobody else's to read."""
        return any(file is each for each, _ in self._unwritten)

    async def keep(self, file: PageFile, page: Page, records: Records) -> None:
        """Append a page, count it, and remove its file. Raises one of `DOWN_ON_THE_LOOP`: then the
        page stays here until `recover`.
        """
        try:
            await self._append(page, records)
        except DOWN_ON_THE_LOOP:
            if file.on_disk:
                file.close()
            else:
                self._unwritten.append((file, page))
            raise
        file.remove()

    async def recover(self) -> None:
        """Append every page that is left here. Raises one of `DOWN_ON_THE_LOOP`."""
        for file, page in list(self._unwritten):
            await self._append(page, records_of(page))
            file.remove()
            self._unwritten.remove((file, page))
        for path in waiting(self.directory):
            await self._recover(path)

    async def append(self, receipt: str, accepted: list[bytes], refused: list[bytes]) -> None:
        """Append notifications and refusals under their receipt, once however often this is
        called.
        """
        if accepted or refused:
            async with self._appending:
                await self.inbound.append(Batch(receipt, 1, accepted, refused))

    async def probe(self) -> None:
        """Return when Redis would take a batch. Raises one of `DOWN_ON_THE_LOOP`."""
        async with self._appending:
            await self.inbound.probe()

    async def _append(self, page: Page, records: Records) -> None:
        await self.append(page.asked.receipt, records.accepted, records.refused)
        await self.store(page.asked.poll).count(
            page.asked.receipt, records.outcome, records.messages, pending=records.pending
        )
        if follow_up := self.follow_ups.get(page.asked.callback):
            await follow_up(page)

    async def _recover(self, path: Path) -> None:
        with contextlib.ExitStack() as stack:
            page = _left(path, stack)
            if page is None:
                return
            records = records_of(page)
            await self._append(page, records)
            drop(path)
        log.info("poll.page_recovered", poll=page.asked.poll, outcome=records.outcome)


def _left(path: Path, stack: contextlib.ExitStack) -> Page | None:
    """Lock a file and return its page; None where there is none to be had."""
    try:
        return stack.enter_context(left(path))
    except FileNotFoundError:
        pass
    except PermissionError:
        log.error("poll.page_unreadable", file=path.name)
    except Unasked:
        drop(path)
    except ValueError:
        log.error("poll.page_damaged", file=path.name)
        set_aside(path)
    return None


class Pages:
    """One poll's destructive reads."""

    def __init__(self, shelf: Shelf, poll: GatewayPoll, gateway: Gateway, ready: Ready) -> None:
        """`ready` says why Redis would not keep a page; empty when it would."""
        self.shelf = shelf
        self.regardless = False
        """Whether to fetch into page files although Redis is away."""
        self.brought = -math.inf
        """When the gateway last answered, by the monotonic clock."""
        self._poll = poll
        self._gateway = gateway
        self._ready = ready

    async def fetch(self, path: str, callback: Callback, judge: Judge = records_of) -> Fetched:
        """Send one destructive GET by the page protocol. `path` is that of the request, quoted,
        with its query.

        Raises one of `DOWN_ON_THE_LOOP` where Redis goes away before the page is in it; the page
        stays on the disk then, and nothing is to be asked for until Redis is back.
        """
        if not self.regardless and (why := await self._ready()):
            return Fetched("skipped", trouble=why)
        try:
            file = self._file(path, callback)
        except OSError as error:
            why = f"no page can be kept in {self.shelf.directory}: {error.strerror}"
            return Fetched("skipped", trouble=why)
        try:
            return await self._fetch(path, file, judge)
        finally:
            if not self.shelf.holds(file):
                file.close()

    def _file(self, path: str, callback: Callback) -> PageFile:
        receipt = self.shelf.receipts.new(time.time_ns() // 1_000_000)
        asked = path.partition("?")[0]
        names = (self._poll.name, callback.name, self._poll.heard_as, receipt, asked)
        return PageFile(self.shelf.directory, Asked(*names))

    async def _fetch(self, path: str, file: PageFile, judge: Judge) -> Fetched:
        sent = await self._send(path, file)
        if isinstance(sent, Fetched):
            file.remove()
            await self._count(file, sent.outcome)
            return sent
        page = file.finish(complete=sent.whole)
        if sent.good:
            self.brought = time.monotonic()
            self._mark()
            records = judge(page)
        else:
            records = Records("at_risk", reason=sent.said)
        try:
            await self.shelf.keep(file, page, records)
        except DOWN_ON_THE_LOOP:
            if not self.regardless:
                raise
        return Fetched(
            records.outcome,
            sent.status,
            messages=records.messages,
            pending=records.pending,
            trouble=records.reason,
        )

    async def _send(self, path: str, file: PageFile) -> Sent | Fetched:
        """Return what came, or how it ended where the gateway has removed nothing."""
        who = self._gateway.authentication
        for last in (False, True):
            try:
                own = await who.headers()
            except NotSent as error:
                return _no_token(error)
            sent = await self._gateway.stream(path, own, file)
            if sent.good or (sent.left and not sent.status):
                return sent
            if not sent.status:
                return Fetched("unreachable", trouble=sent.said)
            said = RequestError(sent.status, error_code(sent.body))
            renews = said.action in (Action.RENEW, Action.RENEW_THEN_BACK_OFF)
            if last or not renews or not await who.renew(own):
                break
        return _refused(sent, said)

    async def _count(self, file: PageFile, outcome: Outcome) -> None:
        with contextlib.suppress(*DOWN_ON_THE_LOOP):
            await self.shelf.store(self._poll.name).count(file.asked.receipt, outcome)

    def _mark(self) -> None:
        """Leave the time for a process that starts while Redis is away."""
        with contextlib.suppress(OSError):
            mark(self.shelf.directory, self._poll.name).touch()


def mark(directory: Path, poll: str) -> Path:
    """Return the file whose time is that of a poll's last success."""
    return directory / f"{poll}.last"


_MEANS: Final[dict[Action, tuple[Outcome, str]]] = {
    Action.OUR_FAULT: ("unauthorised", "it missed our Authorization"),
    Action.RENEW: ("unauthorised", "the client or its token is not accepted"),
    Action.RENEW_THEN_BACK_OFF: ("throttled", "too many requests, or a scope that is not granted"),
    Action.STOP: ("unauthorised", "there is no consent for this"),
    Action.GONE: ("refused", "look at base_url, signature and registration"),
    Action.FINAL: ("refused", "look at base_url, signature and registration"),
    Action.REPEAT: ("unreachable", "it cannot answer now"),
}


def _refused(sent: Sent, error: RequestError) -> Fetched:
    outcome, meaning = _MEANS[error.action]
    if sent.status == 429:
        outcome, meaning = "throttled", "too many requests"
    return Fetched(
        outcome,
        sent.status,
        error.code,
        sent.body,
        retry_after=sent.retry_after,
        trouble=f"the gateway answered {error}: {meaning}",
    )


def _no_token(error: NotSent) -> Fetched:
    status, wait = 0, None
    if isinstance(error, TokenRefused):
        status, wait = error.status, error.retry_after
    outcome: Outcome = "unreachable"
    if status == 429:
        outcome = "throttled"
    elif 400 <= status < 500:
        outcome = "unauthorised"
    return Fetched(outcome, status, retry_after=wait, trouble=str(error))
