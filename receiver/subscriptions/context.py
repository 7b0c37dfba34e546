"""What the steps of one operator share: its API, our records, and what is known for the moment."""

from collections import Counter
from dataclasses import dataclass, field

from receiver.config.operators import Operator
from receiver.config.subscription_sets import SubscriptionSet
from receiver.contract.redis_keys import SUBSCRIPTION_SETS
from receiver.subscriptions.api import Api
from receiver.subscriptions.decide import Policy
from receiver.subscriptions.lists import Lists
from receiver.subscriptions.pace import Pace
from receiver.subscriptions.records import Slot
from receiver.subscriptions.store import Store

ALIKE: int = 3
"""So many refusals of one kind, or early ends, in a row stop a set."""


@dataclass(kw_only=True)
class Context:
    """One operator at work."""

    operator: Operator
    sets: dict[str, SubscriptionSet]
    public_url: str
    api: Api
    store: Store
    lists: Lists
    pace: Pace
    replace: bool = False
    """Whether the operator takes no second subscription, configured or found out."""
    trouble: bool = False
    """Whether the operator does not accept who we are."""
    quota_until: float = 0.0
    heard: dict[str, float] = field(default_factory=dict)
    """Slot -> when it was last heard, since this process began."""
    says: dict[str, str] = field(default_factory=dict)
    """Device -> the last state that an event said."""
    refusals: dict[str, Counter[str]] = field(default_factory=dict)
    early_ends: Counter[str] = field(default_factory=Counter)
    stopped: dict[str, float] = field(default_factory=dict)
    """Set -> until when nothing is created for it."""

    def policy(self, slot: Slot) -> Policy:
        """Return what the slot's operator and set say."""
        one = self.sets.get(slot.set)
        silent = one.silent_hours * 3600 if one else 0.0
        return Policy(self.replace, silent, self.heard.get(slot.id, 0.0))

    def sink(self, slot: Slot, attempt: str) -> str:
        """Return the URL that notifications are to come to."""
        url = f"{self.public_url}/camara/notifications/{slot.listener}"
        return f"{url}?s={attempt}" if self.operator.sink_tag else url

    def is_ours(self, sink: str) -> bool:
        """Whether it is a URL of this receiver."""
        return sink.startswith(f"{self.public_url}/camara/notifications")

    def base(self, slot: Slot) -> str:
        """Return the base URL of the API that a slot's subscriptions belong to."""
        return self.operator.base(slot.type)

    def rests_until(self, slot: Slot, *, renewal: bool) -> float:
        """Return before when nothing may be created for a slot; 0 for now."""
        quota = 0.0 if renewal else self.quota_until
        return max(quota, self.stopped.get(slot.set, 0.0))

    async def stop(self, name: str, why: str, seconds: float) -> None:
        """Create nothing for a set for a while, and say why."""
        self.stopped[name] = self.store.now() + seconds
        await self.store.note(SUBSCRIPTION_SETS, f"{name}:stopped", why)

    async def works(self, name: str) -> None:
        """Note that a subscription of this set was created."""
        self.refusals.pop(name, None)
        if self.trouble:
            self.trouble = False
            await self.store.state("trouble")
        if self.stopped.pop(name, None):
            await self.store.note(SUBSCRIPTION_SETS, f"{name}:stopped")
