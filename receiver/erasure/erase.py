"""Erasing all that is stored about a person, and saying what was erased and what is left.

Every step may be repeated: what is gone is gone, and is counted once.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
import redis

from receiver.contract.entry_ids import order
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    INBOUND,
    LEDGER,
    MARKS,
    SINKS,
    forward_group,
    refused_at,
    retry_due,
    retry_items,
)
from receiver.erasure import log_rewrite, parked, runs, spools, subscribed, watches
from receiver.erasure.meanwhile import Meanwhile
from receiver.erasure.person import Person
from receiver.erasure.stores import Found, as_stored, find_published, find_sent
from receiver.erasure.wait import Say, Wait
from receiver.operations.look import last_delivered
from receiver.operations.sink_ledger import known_sinks
from receiver.runtime import scripts

_AT_ONCE: Final = 200
_MOVED: Final = -1


class Report(msgspec.Struct, kw_only=True):
    """What was erased, at what time, and what is left; it names nobody."""

    at: int
    """When it ended: milliseconds since 1970."""
    numbers: int
    """How many telephone numbers it was about."""
    looked_at: int = 0
    erased: dict[str, int] = {}
    """Kind of what was stored -> how many."""
    undelivered: int = 0
    """Of the events, those that some sink had still to get."""
    uncounted: list[str] = []
    """What may have been erased before and is counted in no report, a sentence each."""
    left: list[str] = []
    """What is still stored or could not be looked at, a sentence each; empty when all is gone."""
    log: str = ""
    """What became of the server's append-only file, which has what was erased until it is
    rewritten: `rewritten`, `none` where it has no such file, or why it is not."""
    later: list[str] = []
    """What leaves the files of the server only later, by itself, a sentence each."""
    dry_run: bool = False

    @property
    def complete(self) -> bool:
        """Return whether nothing is left that would stay, nor in the server's log."""
        return not self.left and self.log in ("rewritten", "none") and not self.dry_run


class Eraser:
    """Erase what is stored about one person."""

    def __init__(
        self,
        client: redis.Redis,
        person: Person,
        copies: Sequence[str],
        *,
        passed: Callable[[int], None] = lambda _: None,
        say: Say = lambda _: None,
        open_seconds: float = 30.0,
    ) -> None:
        """`copies` are the company's own streams that are to be looked through; `say` is told what
        a run waits for; `open_seconds` is how long to wait for the workers to finish with what came
        in last.
        """
        self._client: Any = client
        self._person = person
        self._copies = copies
        self._passed = passed
        self._say = say
        self._open_seconds = open_seconds
        self._patient = True
        """Whether to wait for the workers still: not once they have let that time pass."""
        drop = scripts.load("receiver.operations", "drop_dead_letter")
        self._entries = client.register_script(scripts.load(__package__, "erase_entries"))
        self._deliveries = client.register_script(scripts.load(__package__, "erase_deliveries"))
        self._drop = client.register_script(drop)
        self.report = Report(at=0, numbers=len(person.digits))
        self._erased: Counter[str] = Counter()
        self._open: Counter[str] = Counter()

    def run(self, *, dry_run: bool = False) -> Report:
        """Erase, or with `dry_run` only count. Raises `redis.RedisError`."""
        self.report.dry_run = dry_run
        begun = "" if dry_run else runs.begin(self._client)
        self._erase_spooled()  # first: what is not erased there goes into Redis
        meanwhile = Meanwhile(self._client, self._person)
        who, sinks = self._person, known_sinks(self._client)
        self._each(find_published(self._client, who, self._looked_at))
        if not dry_run:
            self._erase_parked()
        self._each(find_sent(self._client, who, sinks, self._copies, self._looked_at))
        report = self.report
        report.erased = dict(+self._erased)
        report.left += [*self._left(), *meanwhile.left(), *who.left]
        report.left += subscribed.left(self._client, who)
        if dry_run:
            report.left += parked.not_looked_at(self._client, "without --dry-run they are")
            report.log = "left as it is"
        else:
            report.log = log_rewrite.rewrite(self._client, self._say)
            report.later += log_rewrite.later(self._client)
            log_rewrite.clear_slow(self._client)
            report.uncounted = runs.end(self._client, begun)
        report.at = time.time_ns() // 1_000_000
        return report

    def stopped(self) -> Report | None:
        """Return what was erased by a run that did not come to its end; None where nothing was."""
        report = self.report
        if not +self._erased or report.dry_run:
            return None
        report.erased, report.log = dict(+self._erased), report.log or "left as it is"
        report.left.append("this run did not come to its end: run it again")
        report.at = time.time_ns() // 1_000_000
        return report

    def _each(self, found: Iterator[Found]) -> None:
        for page in _pages(found):
            if self.report.dry_run:
                self._erased[page[0].kind] += len(page)
            else:
                self._erase(page)

    def _looked_at(self, more: int) -> None:
        self.report.looked_at += more
        self._passed(more)

    def _erase_spooled(self) -> None:
        digits, dry_run = self._person.digits, self.report.dry_run
        answer = spools.erase(self._client, digits, self._say, dry_run=dry_run)
        found = {"spooled-notification": answer.notifications, "spooled-refusal": answer.refusals}
        self._erased += Counter(found)
        self.report.left += answer.left

    def _erase(self, page: list[Found]) -> None:
        kind, key, names = page[0].kind, page[0].key, [one.entry for one in page]
        if kind == "notification":
            names = self._done(names)
        if kind == "delivery":
            sink = key.removeprefix(retry_items(""))
            keys = [retry_due(sink), key, refused_at(sink), SINKS]
            gone = self._deliveries(keys=keys, args=[f"{sink}:erased", *map(as_stored, names)])
            self.report.undelivered += gone
        elif kind == "event":
            gone, undelivered = self._erase_events(names)
            self.report.undelivered += undelivered
        elif kind == "watch":
            gone = watches.end(self._client, list(map(as_stored, names)))
        elif kind == "device-state":
            gone = self._client.hdel(key, *names)
        elif kind == "dead-letter":
            gone = sum(self._drop(keys=[DEAD_LETTERS, LEDGER], args=[name]) == 1 for name in names)
        else:
            gone = self._client.xdel(key, *names) if names else 0
        self._erased[kind] += gone

    def _erase_events(self, names: list[str]) -> tuple[int, int]:
        wait = Wait("a worker puts back the consumer group that somebody has moved", self._say)
        while True:
            args = [forward_group(""), ":erased", *names]
            gone, undelivered = self._entries(keys=[EVENTS, SINKS, MARKS], args=args)
            if undelivered != _MOVED:
                return gone, undelivered
            if self._is_over(wait):
                self._open["events of a sink whose consumer group somebody has moved"] += len(names)
                return 0, 0
            wait.pause(1)  # the sink's next job puts its group back

    def _erase_parked(self) -> None:
        for answer in parked.erase(self._client, self._person.digits, self._say):
            self._erased["parked-event"] += answer.erased
            self.report.undelivered += answer.erased
            self.report.left += [answer.left] if answer.left else []

    def _done(self, names: list[str]) -> list[str]:
        """Return the notifications that the workers are done with, after some time for that."""
        wait = Wait("a worker processes what came in last", self._say)
        while waiting := [name for name in names if self._is_open(name)]:
            if self._is_over(wait):
                self._open["notifications that no worker has processed yet"] += len(waiting)
                break
            wait.pause(0.2)
        return [name for name in names if name not in waiting]

    def _is_over(self, wait: Wait) -> bool:
        self._patient = self._patient and wait.seconds <= self._open_seconds
        return not self._patient

    def _is_open(self, name: str) -> bool:
        last = last_delivered(self._client, INBOUND, GROUP)
        if last is None or order(last) < order(name):
            return True
        return bool(self._client.xpending_range(INBOUND, GROUP, name, name, 1))

    def _left(self) -> Iterator[str]:
        for what, count in self._open.items():
            yield f"{count} {what}: run this again once `receiver worker` has done its work"


def _pages(found: Iterator[Found]) -> Iterator[list[Found]]:
    """Yield what was found in pages, each of one kind and one key."""
    page: list[Found] = []
    for one in found:
        if page and (page[0].key != one.key or len(page) == _AT_ONCE):
            yield page
            page = []
        page.append(one)
    if page:
        yield page
