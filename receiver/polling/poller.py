"""One poll at work: lease, cadence, pauses after failures, and what holds while Redis is away."""

import asyncio
import contextlib
import time
import traceback
from typing import Final

import structlog

from receiver.contract.stored_values import number, whole
from receiver.polling.pages import Pages, mark
from receiver.polling.rounds import GOOD, LOSING, GatewaySite, Kind, Round, Site
from receiver.runtime.cancelling import cancel
from receiver.runtime.logs import Seldom
from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP, refusal

log = structlog.get_logger()

_LONGEST_PAUSE: Final = 900.0
"""Seconds that a gateway's Retry-After may ask for: it drops messages after twice that."""
_APART: Final = 2.0
"""Seconds that `Store.now` may be off."""


class Poller:
    """Does the rounds of one poll until it is told to stop."""

    def __init__(self, site: Site, kind: Kind) -> None:
        self._site = site
        self._kind = kind
        self._pages: Pages | None = site.pages if isinstance(site, GatewaySite) else None
        self._seldom = Seldom(log)
        self._failures = 0
        self._due = 0.0
        """By Redis' clock, which goes on while this machine sleeps."""
        self._latest = 0.0
        """The same by the monotonic clock: Redis' may jump back."""
        self._known = False
        """Whether the state that an earlier process left has been read."""
        self._succeeded = time.monotonic() - self._age_of_mark()
        self._noted = 0.0
        """The last success as it stands in Redis, by its clock then."""
        self._retry = 0.0
        """Before when nothing is fetched into page files again, by the monotonic clock."""
        self._said = ""

    async def run(self) -> None:
        """Poll whenever it is due and the lease is ours."""
        site = self._site
        while not site.stopping():
            try:
                await self._look()
            except DOWN_ON_THE_LOOP as error:
                await self._away(f"Redis does not answer ({refusal(error)})")
            except Exception as error:  # noqa: BLE001 - one poll's fault is no other poll's
                await self._failed(_where(error))
            await asyncio.sleep(site.pace.tick)
        await self._kind.finish()
        with contextlib.suppress(*DOWN_ON_THE_LOOP):
            await site.store.release_lease()

    async def _failed(self, where: str) -> None:
        """Say a fault of ours, and rest as after a round that failed."""
        self._seldom.say("error", "poll.fault", poll=self._site.poll.name, error=where)
        self._failures += 1
        self._rest(self._site.pace.after(self._failures))
        said = f"a fault of ours: {where}"
        with contextlib.suppress(*DOWN_ON_THE_LOOP):
            await self._site.store.note(trouble=said, failures=self._failures)

    async def once(self) -> Round:
        """Do one round now, or when the lease of a process that has died is over. Raises one of
        `DOWN_ON_THE_LOOP`.
        """
        pace = self._site.pace
        until = time.monotonic() + pace.lease + pace.tick
        while not await self._site.store.acquire_lease():
            if time.monotonic() > until or self._site.stopping():
                return Round("skipped", "`receiver poll` polls it: see `receiver polls list`")
            await asyncio.sleep(pace.tick)
        try:
            return await self._round()
        finally:
            await self._kind.finish()
            await self._site.store.release_lease()

    async def _look(self) -> None:
        """Do a round if it is time."""
        site = self._site
        if not await site.store.acquire_lease():
            self._known = False
            return
        await self._begin()
        await site.store.note(
            kind=site.poll.kind,
            every=int(site.poll.seconds),
            seen=int(site.store.now()),
            pages=site.shelf.waiting(site.poll.name),
            **self._put_right(),
        )
        if site.store.now() < self._due and time.monotonic() < self._latest:
            return
        if why := await site.ready():
            await site.store.note(outcome="skipped", trouble=why)
            await self._away(why)
            return
        await self._round()

    async def _begin(self) -> None:
        """Continue from the stored state: a restart does not poll early."""
        if self._known:
            return
        site, now = self._site, self._site.store.now()
        state = await site.store.state()
        self._failures = whole(state.get("failures"))
        latest = now + max(site.poll.seconds, site.pace.failures[-1]) + site.pace.jitter
        self._rest(min(number(state.get("due")), latest) - now)
        self._noted = number(state.get("succeeded"))
        age = max(0.0, now - self._noted)
        self._succeeded = max(self._succeeded, time.monotonic() - age)
        self._known = True

    def _put_right(self) -> dict[str, object]:
        """Return the time of the last success as a field, where the one that stands in Redis is
        still to come: its age would be nought until then, and nobody would hear that it is late.
        """
        now = self._site.store.now()
        if self._noted <= now + _APART:
            return {}
        self._noted = now - (time.monotonic() - self._succeeded)
        return {"succeeded": int(self._noted)}

    async def _round(self) -> Round:
        site = self._site
        now = site.store.now()
        # Where this process dies in the round, the next one does not wait for the cadence.
        await site.store.note(started=int(now), due=int(now + site.pace.after(1)))
        renewing = asyncio.create_task(self._renew())
        try:
            done = await self._kind.round()
        finally:
            await cancel([renewing])
        await self._ended(done)
        return done

    async def _renew(self) -> None:
        """Keep the lease while an answer takes its time."""
        site = self._site
        while True:
            await asyncio.sleep(site.pace.lease / 4)
            with contextlib.suppress(*DOWN_ON_THE_LOOP):
                await site.store.acquire_lease()
                await site.store.note(seen=int(site.store.now()))

    async def _ended(self, done: Round) -> None:
        """Write down how a round ended, and when the next one is due. One that the end of this
        process has cut short is the next process' to do.
        """
        site, good = self._site, done.outcome in GOOD
        if done.outcome == "skipped" and site.stopping():
            await site.store.note(due=int(site.store.now()))
            return
        if self._failures and not done.asked:
            self._rest(self._pause(done))
            await site.store.note(due=int(self._due))
            return
        self._failures = 0 if good else self._failures + 1
        self._rest(self._pause(done))
        fields: dict[str, object] = {
            "outcome": done.outcome,
            "trouble": done.trouble,
            "failures": self._failures,
            "due": int(self._due),
        }
        if good:
            self._succeeded, self._noted = time.monotonic(), site.store.now()
            fields["succeeded"] = int(self._noted)
        self._say(done)
        await site.store.note(**fields)

    def _rest(self, seconds: float) -> None:
        """Have the next round due in so many seconds, by whichever clock says so first."""
        self._due = self._site.store.now() + seconds
        self._latest = time.monotonic() + seconds

    def _pause(self, done: Round) -> float:
        """Return our own pause, or the one that the gateway asks for where that is longer."""
        return max(self._own_pause(done), min(done.retry_after or 0.0, _LONGEST_PAUSE))

    def _own_pause(self, done: Round) -> float:
        """Return the seconds until the next round: none after the first one that may have lost
        messages; after a second in a row the usual ones, or a failing gateway would be asked
        without end.
        """
        pace = self._site.pace
        if done.again is not None:
            return min(done.again, _LONGEST_PAUSE)
        if done.outcome in GOOD:
            return self._site.poll.seconds + pace.spread()
        if done.outcome in LOSING:
            return pace.after(self._failures - 1) if self._failures > 1 else 0.0
        return pace.after(self._failures)

    async def _away(self, why: str) -> None:
        """Warn while Redis cannot keep anything, and before messages expire fetch all the same."""
        site, now = self._site, time.monotonic()
        if not self._kind.perishable or self._pages is None:
            self._seldom.say("warning", "poll.waits", poll=site.poll.name, why=why)
            return
        age = now - max(self._succeeded, self._pages.brought)
        if age >= site.pace.warns:
            level = "error" if age >= site.pace.alarms else "warning"
            self._seldom.say(level, "poll.late", poll=site.poll.name, why=why)
        if age >= site.pace.regardless and now >= self._retry:
            self._retry = now + site.pace.after(1)
            await self._regardless(self._pages)

    async def _regardless(self, pages: Pages) -> None:
        """Fetch into page files: what waits at the gateway would be dropped soon."""
        pages.regardless = True
        try:
            self._say(await self._kind.round())
        finally:
            pages.regardless = False

    def _say(self, done: Round) -> None:
        """Log what changes, and each loss."""
        name, outcome = self._site.poll.name, done.outcome
        if outcome in GOOD:
            if self._said:
                log.info("poll.well", poll=name)
        elif outcome in LOSING:
            log.error("poll.loss", poll=name, outcome=outcome, why=done.trouble)
        elif outcome != self._said:
            log.warning("poll.trouble", poll=name, outcome=outcome, why=done.trouble)
        self._said = "" if outcome in GOOD else outcome

    def _age_of_mark(self) -> float:
        """Return the seconds since the last success on this machine; 0 where nothing is known."""
        try:
            about = mark(self._site.shelf.directory, self._site.poll.name).stat()
        except OSError:
            return 0.0
        return max(0.0, time.time() - about.st_mtime)


def _where(error: Exception) -> str:
    """Name an error's kind and the line that raised it: a traceback may show messages."""
    line = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {line.filename.rpartition('/')[2]}:{line.lineno}"
