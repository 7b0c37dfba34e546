"""Finds out whether a POST whose answer was lost created a subscription."""

from typing import Final

from receiver.subscriptions.api import Listing
from receiver.subscriptions.api_versions import RemoteSubscription
from receiver.subscriptions.attempts import store_subscription
from receiver.subscriptions.context import SAME_FAILURES, Context
from receiver.subscriptions.slots import Attempt, Slot
from receiver.subscriptions.store import Change

_LOST_PAUSE: Final = 3600.0
"""Seconds until the next attempt of a slot several of whose attempts were neither answered nor
listed, where the list has none of ours at all: an operator that creates each of them would have
more and more subscriptions of ours."""


async def resolve(context: Context, slot: Slot, attempt: Attempt) -> None:
    """Look for an attempt's subscription in the operator's list.

    After two complete lists without it the attempt is removed, so that another one is made.
    """
    base, timing = context.base(slot), context.timing
    listing = await context.lists.fetched_since(base, attempt.next)
    if listing:
        if remote := find_listed(context, slot, attempt, listing):
            await store_subscription(context, slot.id, attempt.id, remote)
            return
        complete = await context.lists.is_complete(base, listing, timing.between_lists)
    trusted = listing is not None and any(context.is_ours(each.sink) for each in listing.items)
    hopeless = context.store.now() - attempt.created > timing.pending_limit
    proves = listing is not None and (complete or hopeless)

    def change(slot: Slot, found: Attempt) -> Change:
        found.absences += proves
        found.next = context.store.now() + timing.between_lists
        if found.absences < 2:
            return Change()
        # Its credential stays: a subscription that appears late after all has to be recognised.
        slot.attempts.remove(found)
        slot.failures += 1
        lost = slot.failures >= SAME_FAILURES and not trusted
        slot.rest = context.store.now() + (_LOST_PAUSE if lost else 0)
        return Change(writes=(("count", f"{slot.set}:failed:unknown", 1),))

    await context.store.update_attempt(slot.id, attempt.id, change, "unknown")


def find_listed(
    context: Context, slot: Slot, attempt: Attempt, listing: Listing
) -> RemoteSubscription | None:
    """Return the subscription whose sink carries the attempt's tag.

    Where sinks carry no tag, or the list shows them without it: the one that ends, or was asked to
    end, in the very millisecond that was asked for.
    """
    if tagged := listing.alive.get(attempt.id):
        return tagged[0]
    for each in listing.alive.get("", ()):
        ends = (each.shown_end, each.asked_end)
        same = any(abs(end - attempt.asked_end) < 0.0015 for end in ends)
        if same and each.type == slot.type and context.is_ours(each.sink):
            return each
    return None
