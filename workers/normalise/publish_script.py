"""The calls of `publish.lua`: what is sent for a batch of outcomes, and what comes back."""

from typing import Any, Final, NamedTuple

from receiver.config.settings import Settings
from receiver.contract.redis_keys import (
    ATTEMPTS,
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    IDENTITIES,
    INBOUND,
    LEDGER,
    MARKS,
    forward_bell,
)
from receiver.runtime import scripts
from workers import bell, second_clock
from workers.normalise.decide import Outcome
from workers.normalise.pipelined_connection import Command

MAX_ARGS: Final = 8_000
"""Arguments of one run of the script; one body may hold thousands of statuses, of four each."""

_KEYS: Final = (INBOUND, EVENTS, DEAD_LETTERS, LEDGER, IDENTITIES, ATTEMPTS, MARKS)


class PublishReply(NamedTuple):
    """Hold what `publish.lua` returns."""

    published: int
    duplicate: int
    dead: int
    events: int
    late: int
    codes: bytes
    """One letter per entry: see the head of `publish.lua`."""
    rung: list[int]
    """Sinks whose bell was set."""


class PublishScript:
    """Build the calls of `publish.lua`, once the server has said under which `sha` it has it."""

    def __init__(self, settings: Settings) -> None:
        self.text = scripts.load(__package__, "publish")
        self.sha = ""
        self._keys = (*_KEYS, *(forward_bell(sink.name) for sink in settings.sinks))
        self._remember = settings.dedupe_hours * 3600

    def calls(self, outcomes: list[Outcome]) -> list[Command]:
        """Return the calls for outcomes: as many as keep each one short, since others wait."""
        first = (
            "EVALSHA",
            self.sha,
            len(self._keys),
            *self._keys,
            GROUP,
            self._remember,
            second_clock.local_time() // 1000,
            bell.RING_AGAIN_MILLISECONDS,
        )
        commands, args = [], list[Any]()
        for outcome in outcomes:
            more = outcome.args()
            if args and len(args) + len(more) > MAX_ARGS:
                commands.append((*first, *args))
                args = []
            args += more
        return [*commands, (*first, *args)]
