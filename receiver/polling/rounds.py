"""What a round of a poll may come to, and what its kind works with."""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from msgspec import Struct

from receiver.carriers.carrier import Callback
from receiver.config.polls import Poll
from receiver.config.settings import Settings
from receiver.contract.records import Notification, encode
from receiver.polling.pace import Pace

if TYPE_CHECKING:
    from receiver.polling.gateway import Gateway
    from receiver.polling.pages import Pages
    from receiver.polling.shelf import Shelf
    from receiver.polling.store import Store

Outcome = Literal[
    "messages",
    "empty",
    "at_risk",
    "cut",
    "unreadable",
    "throttled",
    "unauthorised",
    "refused",
    "unreachable",
    "skipped",
]
"""How one request ended.

`at_risk`: it was sent and no answer came, or the process died meanwhile; what the gateway removed
is unknown. `cut`: the answer broke off; what was whole in it is published. `unreadable`: a whole
answer that is none we know; it is on `receiver:rejected`. `refused`: any other status than success.
`skipped`: nothing was sent, for what came could not have been kept, or the process is to end.
"""
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
GOOD: Final[frozenset[Outcome]] = frozenset({"messages", "empty"})
LOSING: Final[frozenset[Outcome]] = frozenset({"at_risk", "cut"})


class Round(Struct, frozen=True):
    """How a round ended: the last request's outcome."""

    outcome: Outcome
    trouble: str = ""
    """What is wrong and what to do, in one sentence without a secret, number or text."""
    again: float | None = None
    """Seconds until the next round, in place of cadence and pauses."""
    retry_after: float | None = None
    """Seconds that a gateway asks for: the next round comes no sooner."""
    asked: bool = True
    """Whether it says how the gateway stands: one in which nothing was due does not."""


Ready = Callable[[], Awaitable[str]]
"""Says why Redis would not keep what is fetched; empty when it would. Raises one of
`DOWN_ON_THE_LOOP` when Redis does not answer."""


@dataclass(kw_only=True)
class Site:
    """What one poll works with."""

    poll: Poll
    settings: Settings
    redis: Any
    """A `redis.asyncio.Redis`."""
    store: "Store"
    """The poll's lease, state and counts, by Redis' clock."""
    shelf: "Shelf"
    """Stores notifications that were made of answers which removed nothing: `append`."""
    ready: Ready
    pace: Pace
    stopping: Callable[[], bool]
    """Whether nothing new is to be begun."""
    closing: AsyncExitStack
    """What is closed when the process ends."""

    async def append(self, callback: Callback, bodies: Sequence[bytes], asked: str = "") -> None:
        """Store JSON bodies that came just now, under one receipt. Raises one of
        `DOWN_ON_THE_LOOP`.
        """
        now = time.time_ns() // 1_000_000
        receipt, listener = self.shelf.receipts.new(now), self.poll.heard_as
        about = (callback.name, listener, receipt, now, "application/json")
        accepted = [encode(Notification(*about, body, asked=asked)) for body in bodies]
        await self.shelf.append(receipt, accepted, [])
        await self.store.end_receipt(receipt)


@dataclass(kw_only=True)
class GatewaySite(Site):
    """What a poll whose reads are destructive works with besides."""

    gateway: "Gateway"
    pages: "Pages"
    """Destructive reads: `fetch`."""


class Kind(ABC):
    """One kind of poll at work."""

    perishable: bool = False
    """Whether the gateway drops what is not fetched in time: then it is fetched also while Redis
    is away, into page files."""

    @abstractmethod
    async def round(self) -> Round:
        """Do what is due now. Raises one of `DOWN_ON_THE_LOOP` where Redis goes away."""

    async def finish(self) -> None:  # noqa: B027 - most leave nothing
        """Wait for what a round has left under way, if it leaves anything; raises nothing."""
