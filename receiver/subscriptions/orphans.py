"""Finds subscriptions at our URL that no slot counts on: deletes our own, reports others.

Our own is what an attempt in Redis has made, or what has the tag of an attempt that Redis has lost
and a slot for its device and type. The tag alone is none of ours: it may be another receiver's, or
its device may not be declared yet, and a fleet would be deleted that nobody gave up.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import structlog

from receiver.subscriptions import operator_state
from receiver.subscriptions.api import Listing
from receiver.subscriptions.api_versions import RemoteSubscription
from receiver.subscriptions.attempts import check_soon, store_subscription
from receiver.subscriptions.context import Context
from receiver.subscriptions.slots import Attempt, Slot, is_attempt_id, slot_id
from receiver.subscriptions.store import Store

log = structlog.get_logger()


class _Owner(NamedTuple):
    """What our records say of a subscription."""

    known: bool = False
    """Whether one of our attempts made it."""
    slot: Slot | None = None
    attempt: Attempt | None = None
    """As long as it is in its slot."""


@dataclass
class _Search:
    """What one search has come upon so far."""

    foreign: list[dict[str, str]] = field(default_factory=list)
    unfinished: bool = False
    """Whether an orphan was deleted, or serves until its successor is there."""
    complete: bool = True
    """Whether the lists show all that is known to be alive."""
    unread: set[str] = field(default_factory=set)
    """The base URLs that gave no list."""
    slotless: set[str] = field(default_factory=set)
    """Subscriptions of ours without a slot."""
    admitted: bool = True
    """Whether nothing foreign may have a token that looks like ours: 401 to it would end it."""


async def check_orphans(context: Context) -> bool:
    """Delete our own orphans and store the list of foreign ones.

    Return whether the search is to be repeated soon: a list was missing, or it is unfinished.
    """
    search = _Search()
    context.forgotten.clear()
    for base in context.bases:
        listing = await context.lists.fetched_since(base, context.store.now())
        if listing is None:
            search.unread.add(base)
            continue
        for remote in listing.items:
            if context.is_ours(remote.sink) and not remote.is_dead:
                await _examine(context, base, remote, search)
        search.complete &= await _check_missing(context, base, listing)
    context.slotless = search.slotless
    known = [each for each in await _stored(context) if each.get("base") in search.unread]
    await _store(context, [*known, *search.foreign])
    if search.unread:
        return search.unfinished or search.unread == set(context.bases)
    context.strangers.end_search()
    await context.store.write_state("orphans_searched", int(context.store.now()))
    await _store_completeness(context, search)
    return search.unfinished


async def forget(context: Context, base: str, subscription: str) -> None:
    """Take a subscription out of the stored list, and out of what a search under way is to store:
    it is no orphan any more, and the next search may be an hour away.
    """
    context.forgotten.add((base, subscription))
    await _store(context, await _stored(context))


async def _stored(context: Context) -> list[dict[str, str]]:
    return operator_state.orphans(await context.store.read_state("orphans"))


async def _store(context: Context, found: list[dict[str, str]]) -> None:
    left = [x for x in found if (x.get("base"), x.get("id")) not in context.forgotten]
    await context.store.write_state("orphans", msgspec.json.encode(left).decode() if left else "")


async def _examine(
    context: Context, base: str, remote: RemoteSubscription, search: _Search
) -> None:
    owner = await _find_owner(context, base, remote)
    tagged = is_attempt_id(remote.tag)
    same = await slot_for_the_same(context, remote) if tagged and not owner.known else None
    if same:
        await context.strangers.note(same.id, remote.id)
    if owner.known and not owner.slot and _is_new(context, remote.id, search):
        search.unfinished = True
    elif owner.known or same:
        search.unfinished |= await _keep_or_delete(context, base, remote, owner)
    else:
        search.foreign.append({"base": base, "id": remote.id, "type": remote.type})
        # Without tags one that Redis has lost cannot be told from one that was made elsewhere.
        search.admitted &= context.operator.sink_tag and not tagged


def _is_new(context: Context, subscription: str, search: _Search) -> bool:
    """Return whether a subscription of ours had a slot at the search before. Where that has only
    lost its record, the next search finds it made anew.
    """
    search.slotless.add(subscription)
    if subscription in context.slotless:
        return False
    context.store.dropped += 1
    return True


async def _store_completeness(context: Context, search: _Search) -> None:
    """Store whether all that lives has its credential stored, where that is known."""
    if not search.admitted:
        await context.store.write_state("credentials_complete")
    elif search.complete and not search.unfinished:
        await context.store.write_state("credentials_complete", int(context.store.now()))


async def note_stranger(context: Context, slot: Slot, remote: RemoteSubscription) -> None:
    """Note a subscription for the device and type of a slot, unless an attempt of ours made it."""
    if not (await _find_owner(context, context.base(slot), remote)).known:
        await context.strangers.note(slot.id, remote.id)


async def is_counted_on(context: Context, remote: RemoteSubscription) -> bool:
    """Return whether a slot counts on a subscription, or may turn out to have made it."""
    base = context.operator.base(remote.type)
    found = (await _find_owner(context, base, remote)).attempt
    return found is not None and found.subscription in ("", remote.id)


async def _check_missing(context: Context, base: str, listing: Listing) -> bool:
    """Make the check due of what a list should show and does not; return whether it is complete.

    An operator that loses subscriptions sends no notice of their end.
    """
    delay = context.timing.between_lists
    missing = set(context.lists.missing(base, listing, delay))
    complete = await context.lists.is_complete(base, listing, delay)
    if not missing or not complete:
        return complete
    async for slot in context.store.slots():
        for each in slot.living if context.base(slot) == base else ():
            if each.subscription in missing:
                missing.remove(each.subscription)
                if not each.next:  # else it is looked at again soon, and not sooner
                    await check_soon(context, slot.id, each.id)
    for name in missing:  # no slot counts on it
        context.lists.note_gone(base, name)
    return True


async def _find_owner(context: Context, base: str, remote: RemoteSubscription) -> _Owner:
    """Find the slot and the attempt that a subscription belongs to: by its id where a slot counts
    on it, whatever tag the list shows, else by its tag, else by the id that it once had.

    Each API of an operator may count for itself: where the id is stored for a slot at another one,
    or for none that there still is, it may be that of the slot for the same device and type, too.
    """
    store = context.store
    name, attempt = await store.read_id(remote.id)
    by_id = await _owner(store, name, attempt)
    if by_id.slot is None or context.base(by_id.slot) != base:
        by_id = await _same_number(context, remote, by_id)
    if by_id.attempt and by_id.attempt.subscription == remote.id:
        return by_id
    said = await store.read_attempt(remote.tag or "-")
    return await _owner(store, said.slot, remote.tag) if said else by_id


async def _same_number(context: Context, remote: RemoteSubscription, by_id: _Owner) -> _Owner:
    for name in (*context.sets, *context.elsewhere):  # one that has moved may have left it here
        same = slot_id(name, context.operator.name, remote.device, remote.type)
        slot = await context.store.read_slot(same)
        for each in slot.attempts if slot else ():
            if each.subscription == remote.id:
                return _Owner(True, slot, each)
    return _Owner() if by_id.slot else by_id


async def _owner(store: Store, name: str, attempt: str) -> _Owner:
    slot = await store.read_slot(name) if name else None
    return _Owner(bool(name), slot, slot.attempt(attempt) if slot else None)


async def _keep_or_delete(
    context: Context, base: str, remote: RemoteSubscription, owner: _Owner
) -> bool:
    """Delete a subscription unless a slot counts on it; return whether one was or is to be."""
    slot, found = owner.slot, owner.attempt
    if slot and found:
        if found.subscription == remote.id:
            context.lists.note_alive(base, remote.id)
            if found.state == "pending" and not remote.is_requested:  # its GET may be refused
                await store_subscription(context, slot.id, found.id, remote)
            return False
        if not found.subscription or await _has_other_id(context, base, found):
            await store_subscription(context, slot.id, found.id, remote)
            return False
    successor = slot or await slot_for_the_same(context, remote)
    if successor and successor.wanted and not successor.living and not found:
        return True  # until the successor lives, an orphan is better than none
    await context.store.check_data()  # after a loss in Redis every subscription looks like one
    log.warning("subscription.orphan", slot=slot.id if slot else "", subscription=remote.id)
    await context.api.discard(base, remote.id)
    return True


async def _has_other_id(context: Context, base: str, attempt: Attempt) -> bool:
    """Return whether the operator has changed the id of an attempt's subscription: it does not have
    the one that it gave, and lists another one with the attempt's tag.
    """
    return attempt.state != "deleting" and await context.api.is_gone(base, attempt.subscription)


async def slot_for_the_same(context: Context, remote: RemoteSubscription) -> Slot | None:
    """Return a slot for the same device and type: all that is left after a loss in Redis."""
    for one in context.sets.values():
        if found := await context.store.read_slot(
            slot_id(one.name, one.operator, remote.device, remote.type)
        ):
            return found
    return None
