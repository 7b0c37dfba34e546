"""What must be true of everything around the load, once all is mended and the load is over."""

import asyncio
import time
from collections import Counter
from typing import Any, Final

import msgspec

from receiver.contract.records import decode_notification
from receiver.contract.redis_keys import EVENTS, INBOUND, SUBSCRIPTION_CREDENTIALS, SUBSCRIPTIONS
from receiver.operations import sink_ledger
from receiver.subscriptions.slots import Slot, decode
from tests.chaos.around import Around
from tests.chaos.toml import STREAM

_SETTLES: Final = 240.0
"""Seconds: an attempt whose answer was lost is given up after two lists, a minute apart."""
_SEEN: Final = 30.0


class Judged(msgspec.Struct):
    """What was found, in words, and what of it is wrong."""

    said: dict[str, str] = {}
    wrong: list[str] = []

    def demand(self, holds: bool, words: str) -> None:
        """Note what does not hold."""
        if not holds:
            self.wrong.append(words)


class _Event(msgspec.Struct):
    id: str
    originid: str = ""
    data: dict[str, Any] = {}

    @property
    def change(self) -> tuple[str, str]:
        """Whose state changed and when, as the operator has it."""
        return _change(self.data.get("raw"))


_event = msgspec.json.Decoder(_Event)


def _change(said: Any) -> tuple[str, str]:
    about = said.get("data") if isinstance(said, dict) else None
    device = about.get("device") if isinstance(about, dict) else None
    return (device or {}).get("phoneNumber", ""), said["time"] if device else ""


async def judge(around: Around, parked: int) -> Judged:
    """Wait until nothing is left to do, then compare. `parked`: what was, while the load was on."""
    judged = Judged()
    await _viewers(around, judged)
    taken = await _subscriptions(around, judged)
    await _gateway(around, judged)
    await around.fleet.end("operator")  # or the end of an overlap would make an event meanwhile
    await _sinks(around, judged, parked)
    events = await asyncio.to_thread(_events, around, EVENTS)
    _consumers(around, judged, events)
    lost = taken - await asyncio.to_thread(_known, around, events)
    judged.demand(not lost, f"{len(lost):,} events of subscriptions were lost")
    await _tokens(around, judged, events)
    judged.said["receiver.toml"] = f"changed {around.changes} times, SIGHUP to each process"
    return judged


def _events(around: Around, stream: str) -> list[_Event]:
    found: Any = around.client.xrange(stream)
    return [_event.decode(fields[b"event"]) for _, fields in found]


def _known(around: Around, events: list[_Event]) -> set[str]:
    """Return the operator's ids of the events that came out, or whose twin did: a subscription and
    its successor, while both live, both report a change, which comes out once.
    """
    changes = {one.change for one in events}
    found = {one.originid for one in events}
    stored: Any = around.client.xrange(INBOUND)
    for said in (decode_notification(fields[b"n"]) for _, fields in stored):
        if said.callback == "camara.notifications":
            body = msgspec.json.decode(said.body)
            found |= {body["id"]} if _change(body) in changes else set()
    return found


async def _sinks(around: Around, judged: Judged, parked: int) -> None:
    async def drained() -> bool:
        books = await asyncio.to_thread(sink_ledger.read, around.client)
        return all(one.open == one.parked == 0 for one in books)

    done = await around.until(drained, _SETTLES)
    books = await asyncio.to_thread(sink_ledger.read, around.client)
    for one in books:
        judged.said[f"sink {one.name}"] = (
            f"{one.events:,} events, {one.delivered:,} delivered, {one.dead} dead, "
            f"{one.shed} shed, {one.parked_damaged} damaged on the disk, {one.open} open"
        )
        lost = one.dead + one.shed + one.parked_damaged
        judged.demand(one.balanced, f"the books of sink {one.name} do not balance")
        judged.demand(lost == 0, f"sink {one.name} has given up {lost:,} events")
    judged.said["sink dead"] += f"; {parked:,} were parked when its consumer came back"
    judged.demand(done, "a sink still has something to do")
    judged.demand(parked > 0, "nothing was parked")


def _consumers(around: Around, judged: Judged, events: list[_Event]) -> None:
    wanted = Counter(one.id for one in events)
    company = Counter(one.id for one in _events(around, STREAM))
    judged.demand(
        company == wanted, f"the company's stream differs: {_difference(company, wanted)}"
    )
    for name, hook in (("hook", around.hook), ("dead", around.dead)):
        again = hook.taken.total() - len(hook.taken)
        judged.said[f"web hook {name}"] = f"{len(hook.taken):,} events, {again:,} of them repeated"
        missing = wanted.keys() ^ hook.taken.keys()
        judged.demand(not missing, f"web hook {name}: {len(missing):,} events lost or invented")


def _difference(found: Counter[str], wanted: Counter[str]) -> str:
    return f"{(wanted - found).total():,} are missing, {(found - wanted).total():,} too many"


async def _subscriptions(around: Around, judged: Judged) -> set[str]:
    """Return the operator's ids of the events that were acknowledged to it."""

    async def whole() -> bool:
        books = await _books(around)
        slots = await asyncio.to_thread(_slots, around)
        return not books["under_way"] and not _amiss(books, *slots)

    await around.until(whole, _SETTLES)
    books = await _books(around)
    judged.wrong += _amiss(books, *await asyncio.to_thread(_slots, around))
    answers = books["deliveries"]
    judged.said["subscriptions"] = (
        f"{len(books['subscriptions'])} were made for {len(_slots(around)[0])} slots in "
        f"{around.orders} rounds of renewals; {books['live']} live at the end; "
        f"answers to their events: {_counts(answers)}"
    )
    judged.demand("401" not in answers, f"{answers.get('401')} events of subscriptions got a 401")
    return {one["id"] for one in books["attempts"] if one["answer"] == "204"}


async def _books(around: Around) -> Any:
    return await around.fetch(around.ports.operator, "_books")


def _slots(around: Around) -> tuple[list[Slot], set[str]]:
    """Return the slots, and the attempts that have a credential."""
    slots: Any = around.client.hvals(SUBSCRIPTIONS)
    credentials: Any = around.client.hvals(SUBSCRIPTION_CREDENTIALS)
    return [*map(decode, slots)], {msgspec.json.decode(one)["attempt"] for one in credentials}


def _amiss(books: Any, slots: list[Slot], admitted: set[str]) -> list[str]:
    """Return what is wrong: every live subscription has its slot and a credential."""
    live = {one["id"] for one in books["subscriptions"] if one["live"]}
    known = {one.subscription: one.id for slot in slots for one in slot.attempts}
    found = {
        "slots have no live subscription": [
            one.id for one in slots if not live & {each.subscription for each in one.living}
        ],
        "live subscriptions belong to no slot": [*live - known.keys()],
        "live subscriptions have no credential": [
            one for one in live & known.keys() if known[one] not in admitted
        ],
    }
    return [f"{len(those)} {words}" for words, those in found.items() if those]


async def _gateway(around: Around, judged: Judged) -> None:
    async def emptied() -> bool:
        found = await around.fetch(around.ports.gateway, "_verdict")
        return bool(found["waiting"] == found["lost"] == 0)

    await around.until(emptied, _SETTLES)
    found = await around.fetch(around.ports.gateway, "_verdict")
    numbers = ("handed", "published", "lost", "duplicated", "window", "expired", "waiting")
    judged.said["the gateway that is polled"] = _counts({name: found[name] for name in numbers})
    for name in ("lost", "duplicated", "expired", "waiting"):
        judged.demand(found[name] == 0, f"polled messages: {name} {found[name]:,}")


async def _tokens(around: Around, judged: Judged, events: list[_Event]) -> None:
    rotation = around.rotation
    out = Counter(one.data.get("text") for one in events)
    wrong = [text for text in rotation.sent if out[text] != 1]
    judged.said["rotated credential"] = (
        f"{len(rotation.tokens)} tokens, {len(rotation.sent):,} notifications with the newest; "
        f"answers: {_counts(rotation.answers)}"
    )
    judged.demand(not wrong, f"{len(wrong)} notifications with a new token did not come out once")
    judged.demand(not rotation.shut_out, f"{rotation.shut_out} times a good token was called bad")
    judged.demand(await rotation.refused(), "a revoked token is still let in")


async def _viewers(around: Around, judged: Judged) -> None:
    """Wait until each sees something new: the last events of the operator make rows."""
    begun = time.time()

    async def all_see() -> bool:
        await around.move_device()
        return all(viewer.last > begun for viewer in around.viewers)

    judged.demand(await around.until(all_see, _SEEN), "a viewer of the live tail sees nothing new")
    judged.said["viewers of the live tail"] = ", ".join(
        f"{viewer.rows:,} rows over {viewer.connected} connections" for viewer in around.viewers
    )


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(found.items()))
