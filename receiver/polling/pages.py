"""The page protocol: what a destructive read brings is durable before anything else happens to it.

For each page: Redis is asked whether it would take it; a page file is created and a mebibyte of the
disk reserved; the request is sent; each chunk that comes is written before the next is read; the
file is closed with a last line and made durable; the page goes, unparsed, into the inbound stream
as one numbered batch, whose flusher is the receipt and whose number is 1; it is counted; the file
is removed. A process that is killed anywhere in this leaves a file, and the next one appends and
counts it again, which changes nothing where it was done before.
"""

import contextlib
import math
import time
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from receiver.carriers.carrier import Callback
from receiver.config.polls import GatewayPoll
from receiver.outbound import Action, NotSent, RequestError, TokenRefused
from receiver.outbound.request_error import error_code
from receiver.polling.gateway import Gateway, Sent
from receiver.polling.page_file import Asked, PageFile
from receiver.polling.records import Judge, Records, records_of
from receiver.polling.rounds import Outcome, Ready
from receiver.polling.shelf import Shelf
from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP

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


class Pages:
    """One poll's destructive reads."""

    def __init__(self, shelf: Shelf, poll: GatewayPoll, gateway: Gateway, ready: Ready) -> None:
        """`ready` says why Redis would not keep a page; empty when it would."""
        self.shelf = shelf
        self.regardless = False
        """Whether to fetch into page files although Redis is away, and not to wait for it."""
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
        if self.regardless:
            self.shelf.leave(file, page)
        else:
            await self.shelf.keep(file, page, records)
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
                return no_token(error)
            sent = await self._gateway.stream(path, own, file)
            if sent.good or (sent.left and not sent.status):
                return sent
            if not sent.status:
                return Fetched("skipped" if sent.held else "unreachable", trouble=sent.said)
            said = RequestError(sent.status, error_code(sent.body))
            renews = said.action in (Action.RENEW, Action.RENEW_THEN_BACK_OFF)
            if last or not renews or not await who.renew(own):
                break
        return _refused(sent, said)

    async def _count(self, file: PageFile, outcome: Outcome) -> None:
        if self.regardless:
            return
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


def no_token(error: NotSent) -> Fetched:
    """Return how a request ended for which there was no access token."""
    status, wait = 0, None
    if isinstance(error, TokenRefused):
        status, wait = error.status, error.retry_after
    outcome: Outcome = "unreachable"
    if status == 429:
        outcome = "throttled"
    elif 400 <= status < 500:
        outcome = "unauthorised"
    return Fetched(outcome, status, retry_after=wait, trouble=str(error))
