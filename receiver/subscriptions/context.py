"""What the steps of one operator share: its API, our records, and what this process remembers."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from receiver.config.operators import Operator
from receiver.config.subscription_sets import SubscriptionSet
from receiver.contract.redis_keys import SUBSCRIPTION_SETS
from receiver.contract.stored_values import number
from receiver.subscriptions.api import Api
from receiver.subscriptions.last_events import LastEvents
from receiver.subscriptions.lists import Lists
from receiver.subscriptions.next_step import Policy
from receiver.subscriptions.slots import Slot
from receiver.subscriptions.store import Store
from receiver.subscriptions.strangers import Strangers
from receiver.subscriptions.timing import Timing

SAME_FAILURES: Final = 3
"""So many refusals of one kind, or early ends in a row, pause a set."""


@dataclass(kw_only=True)
class Context:
    """What one operator's controller works with. Times are seconds since 1970 by Redis' clock."""

    operator: Operator
    sets: dict[str, SubscriptionSet]
    public_url: str
    elsewhere: frozenset[str] = frozenset()
    """The sets that `receiver.toml` declares at other operators."""
    api: Api
    store: Store
    lists: Lists
    timing: Timing
    last: LastEvents
    replaces: bool = False
    """Whether the operator takes no second subscription to the same, as configured or found out."""
    quota_until: float = 0.0
    """Until when the operator's quota is used up."""
    refusals: dict[str, Counter[str]] = field(default_factory=dict)
    """Set -> refusals of the whole set, by status and code."""
    refused_at: dict[str, float] = field(default_factory=dict)
    """Set -> when the last of them came."""
    early_ends: Counter[str] = field(default_factory=Counter)
    """Set -> subscriptions in a row that ended soon after their creation."""
    paused_sets: dict[str, float] = field(default_factory=dict)
    """Set -> until when nothing is created for it."""
    forgotten: set[tuple[str, str]] = field(default_factory=set)
    """Orphans (base URL and id) that an order has seen to since the last search began."""
    slotless: set[str] = field(default_factory=set)
    """Subscriptions of ours that had no slot when orphans were last searched for."""
    strangers: Strangers = field(init=False)

    def __post_init__(self) -> None:
        """Begin to watch for another receiver with our URL."""
        self.strangers = Strangers(self.store)

    def policy(self, slot: Slot) -> Policy:
        """Return what the slot's operator and set demand of its next step."""
        one = self.sets.get(slot.set)
        silent = one.silent_hours * 3600 if one else 0.0
        return Policy(
            replaces=self.replaces,
            silent=silent,
            last_event=self.last.times.get(slot.id, 0.0),
            declared=one is not None,
            asks=bool(self.base(slot)),
        )

    def is_wanted(self, slot: Slot) -> bool:
        """Return whether a slot is to have a subscription that lives: what is left of a set that is
        declared no more only waits to be deleted.
        """
        return slot.wanted and slot.set in self.sets

    def sink(self, slot: Slot, attempt: str) -> str:
        """Return the URL that an attempt's notifications are to come to."""
        url = f"{self.public_url}/camara/notifications/{slot.listener}"
        return f"{url}?s={attempt}" if self.operator.sink_tag else url

    def is_ours(self, sink: str) -> bool:
        """Return whether a sink is a URL of this receiver."""
        return sink.startswith(f"{self.public_url}/camara/notifications")

    @property
    def urls(self) -> dict[str, str]:
        """Return the URLs that subscriptions are made with, by their keys in `receiver.toml`: ours,
        and that of each of the operator's APIs.
        """
        one = self.operator
        urls = (self.public_url, one.reachability.rstrip("/"), one.roaming.rstrip("/"))
        return dict(zip(("public_url", "reachability", "roaming"), urls, strict=True))

    @property
    def bases(self) -> list[str]:
        """Return the base URLs of the operator's subscription APIs, sorted."""
        return sorted({self.operator.reachability, self.operator.roaming} - {""})

    def base(self, slot: Slot) -> str:
        """Return the base URL of the API that a slot's subscriptions belong to."""
        return self.operator.base(slot.type)

    def paused_until(self, slot: Slot, *, renewal: bool) -> float:
        """Return until when nothing may be created for a slot; 0 where nothing forbids it.

        A used-up quota does not hold up a renewal.
        """
        quota = 0.0 if renewal else self.quota_until
        return max(quota, self.paused_sets.get(slot.set, 0.0))

    async def hold_new_ones(self) -> None:
        """Create nothing but renewals for a while: the operator's quota is used up."""
        self.quota_until = self.store.now() + self.timing.quota_pause
        await self.store.write_state("quota_until", int(self.quota_until))

    async def pause_set(self, name: str, why: str, seconds: float) -> None:
        """Stop creating for a set for some seconds, and store why."""
        self.paused_sets[name] = self.store.now() + seconds
        await self._write_pause(name, why, int(self.paused_sets[name]))

    async def end_pauses(self, *, early: bool = False) -> None:
        """End the pauses that are over; with `early` all of them, and the wait for the quota."""
        if early:
            self.quota_until = 0.0
            await self.store.write_state("quota_until")
            self.refusals.clear()
        for name, until in list(self.paused_sets.items()):
            if early or until <= self.store.now():
                await self.end_pause(name)

    async def end_pause(self, name: str) -> None:
        """End the pause of a set, if there is one."""
        if self.paused_sets.pop(name, None) is not None:
            await self._write_pause(name)

    async def shift_pauses(self, shifted: Callable[[float], float]) -> None:
        """Move the ends of all pauses, also as they are stored for the next controller."""
        self.quota_until = shifted(self.quota_until)
        self.paused_sets |= {name: shifted(until) for name, until in self.paused_sets.items()}
        await self.store.write_state("quota_until", int(self.quota_until) or "")
        for name, until in list(self.paused_sets.items()):
            await self._write_until(name, int(until))

    async def load_pauses(self) -> None:
        """Load the pauses that another controller has stored and that are not over; end that of a
        set which has come from the operator that refused it.
        """
        self.quota_until = number(await self.store.read_state("quota_until"))
        for name in self.sets:
            read = partial(self.store.read_field, SUBSCRIPTION_SETS)
            until, at = await read(f"{name}:stopped_until"), await read(f"{name}:stopped_at")
            self.paused_sets[name] = number(until) if at in ("", self.operator.name) else 0.0
        await self.end_pauses()

    async def _write_pause(self, name: str, why: str = "", until: int | str = "") -> None:
        await self._write_until(name, until)
        await self.store.write_field(SUBSCRIPTION_SETS, f"{name}:stopped", why)
        at = self.operator.name if why else ""
        await self.store.write_field(SUBSCRIPTION_SETS, f"{name}:stopped_at", at)

    async def _write_until(self, name: str, until: int | str) -> None:
        await self.store.write_field(SUBSCRIPTION_SETS, f"{name}:stopped_until", until)

    def note_creation(self, name: str) -> None:
        """Note that a subscription of a set was created. While the set is paused that says nothing:
        the creation had begun before.
        """
        if name not in self.paused_sets:
            self.refusals.pop(name, None)
