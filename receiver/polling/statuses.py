"""The kind `att-status`: delivery statuses of watched messages, in either signature.

Reading a status is destructive too: the gateway forgets it after the first answer that shows it
final. So each answer is a page of the page protocol, and the watch is settled while its file is
still there.
"""

import asyncio
import time
from typing import Final
from urllib.parse import quote

import msgspec
import structlog
from msgspec.structs import replace

from receiver.carriers import att
from receiver.carriers.att import outbox
from receiver.config.polls import AttStatusPoll
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import watch_due
from receiver.outbound import Action, RequestError
from receiver.outbound.rate_limit import RateLimit
from receiver.polling import watch as watching
from receiver.polling import watch_store
from receiver.polling.page_file import Page
from receiver.polling.pages import Fetched
from receiver.polling.records import Records, records_of
from receiver.polling.rounds import GOOD, LOSING, GatewaySite, Kind, Outcome, Round
from receiver.polling.watch import Watch
from receiver.polling.watch_requests import WatchRequests
from receiver.polling.watch_settlement import Settlement, found_in
from receiver.runtime.logs import Seldom

log = structlog.get_logger()

AT_ONCE: Final = 8
"""Answers under way: one that does not come holds up no other."""
_ROUND: Final = 4.0
"""Seconds that a round goes on while there is more to ask for."""


class Statuses(Kind):
    """Asks for the statuses that are due. What does not answer soon goes on beside the rounds."""

    def __init__(self, poll: AttStatusPoll, site: GatewaySite) -> None:
        self._poll = poll
        self._site = site
        self._rate = RateLimit(poll.rate)
        _, self._region = site.settings.place(poll.heard_as)
        self._settlement = Settlement(site.redis, lambda: site.settings)
        self._requests = WatchRequests(site.redis, site.settings.polls, site.shelf)
        self._seldom = Seldom(log)
        self._due = watch_due(poll.name)
        self._under_way: dict[str, asyncio.Task[Fetched | None]] = {}

    async def round(self) -> Round:
        """Take new watches, and ask for what is due. Raises one of `DOWN_ON_THE_LOOP`."""
        while await self._requests.take():
            pass
        until = time.monotonic() + _ROUND
        worst = _UNASKED
        while not self._site.stopping():
            more = await self._begin()
            worst = _worse(worst, await self._collect(until))
            if worst.outcome not in GOOD or time.monotonic() >= until:
                break
            if not more and not self._under_way:
                asked = worst.asked or not await self._site.redis.exists(self._due)
                return Round(worst.outcome, again=self._site.pace.quiet, asked=asked)
        soon = worst.again is None and worst.outcome in GOOD
        return replace(worst, again=0.0) if soon else worst

    async def finish(self) -> None:
        """Wait for the answers that are under way, at most as long as their requests may."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _begin(self) -> int:
        """Claim what is due, as much as there is room for and a second allows, and ask for it."""
        room = min(AT_ONCE - len(self._under_way), max(1, int(self._poll.rate)))
        if room <= 0:
            return 0
        call = watch_store.claim(self._poll.name, room)
        _, *records = await self._site.redis.eval(*call)
        for record in records:
            if not (watch := self._read(record)):
                continue
            await self._rate.acquire()
            if watch.id not in self._under_way and not self._site.stopping():
                self._under_way[watch.id] = asyncio.create_task(self._look(watch, record))
        return len(records)

    def _read(self, record: bytes) -> Watch | None:
        """Return a watch; None for a record that is none: those that are due with it go on."""
        try:
            return watching.decode(record)
        except (msgspec.MsgspecError, ValueError) as error:
            why = type(error).__name__
            self._seldom.say("error", "poll.watch_unreadable", poll=self._poll.name, error=why)
            return None

    async def _collect(self, until: float) -> Round:
        """Wait for an answer, not beyond `until`. Returns the worst of what came."""
        worst = _UNASKED
        if not self._under_way:
            return worst
        wait = max(0.05, until - time.monotonic())
        await asyncio.wait(
            self._under_way.values(), timeout=wait, return_when=asyncio.FIRST_COMPLETED
        )
        for name, task in list(self._under_way.items()):
            if task.done():
                del self._under_way[name]
                if fetched := task.result():
                    worst = _worse(worst, _round(fetched))
        return worst

    async def _look(self, watch: Watch, record: bytes) -> Fetched | None:
        """Ask for one status; None where nothing was asked for."""
        if watch.closing:
            await self._close(watch, record, watch.closing)
            return None
        if watching.hopeless(watch, self._now()):
            await self._end(watch, record, "expired")
            return None
        fetched = await self._site.pages.fetch(
            self._path(watch), att.OUTBOX, lambda page: _judge(watch, page, self._region)
        )
        if _is_gone(fetched):
            await self._end(watch, record, "gone", fetched.body.decode("utf-8", "replace"))
        elif fetched.outcome == "refused":
            await self._settlement.write(record, watching.refused(watch, self._now()))
        return fetched

    async def _end(
        self, watch: Watch, record: bytes, reason: outbox.Reason, answer: str = ""
    ) -> None:
        """End a watch without a final status, unless somebody else has settled it meanwhile."""
        step = watching.closing(watch, reason)
        if step.watch and await self._settlement.write(record, step):
            await self._close(step.watch, watching.encode(step.watch), reason, answer)

    async def _close(
        self, watch: Watch, record: bytes, reason: outbox.Reason, answer: str = ""
    ) -> None:
        """Store the event that says so, once however often this is called; then end the watch."""
        left = watch.open_addresses
        ended = outbox.Ended(reason, left[0] if len(left) == 1 else "", answer)
        notification = Notification(
            att.OUTBOX.name,
            self._poll.heard_as,
            watch.receipt,
            self._now(),
            outbox.ENDED,
            outbox.encode_ended(ended),
            asked=self._path(watch),
        )
        await self._site.shelf.append(watch.receipt, [encode(notification)], [])
        if await self._settlement.write(record, watching.closed(reason)):
            await self._site.store.end_receipt(watch.receipt)

    def _now(self) -> int:
        return watching.earlier(round(self._site.store.now() * 1000))

    def _path(self, watch: Watch) -> str:
        sender = watch.sender or self._poll.sender
        return self._poll.template.format(
            id=quote(watch.id, safe=""), sender=quote(sender, safe="")
        )


def _judge(watch: Watch, page: Page, region: str) -> Records:
    """Return the records of a page; none for one that says the same as the page before."""
    records = records_of(page)
    found, whole = found_in(page, region)
    known = {one.address: (one.status, one.final) for one in found}
    if whole and not records.refused and known.items() <= watch.known.items():
        return Records("empty")
    return records


def _is_gone(fetched: Fetched) -> bool:
    """Return whether an error names the id, which ends a watch: others may be our base URL's."""
    return RequestError(fetched.status, fetched.code).action is Action.GONE


def _round(fetched: Fetched) -> Round:
    """Return the round that an answer makes: what concerns one message holds up no other."""
    if fetched.outcome == "refused" and _is_gone(fetched):
        return Round("empty")
    if fetched.outcome in _ALONE:
        return Round(fetched.outcome, fetched.trouble, again=0.0)
    return Round(fetched.outcome, fetched.trouble, retry_after=fetched.retry_after)


_ALONE: Final = GOOD | LOSING | {"unreadable", "refused"}
_ORDER: Final[tuple[Outcome, ...]] = (
    "empty",
    "messages",
    "unreadable",
    "refused",
    "cut",
    "at_risk",
    "skipped",
    "unreachable",
    "throttled",
    "unauthorised",
)


_UNASKED: Final = Round("empty", asked=False)


def _worse(one: Round, other: Round) -> Round:
    return max(one, other, key=lambda each: (_ORDER.index(each.outcome), each.asked))
