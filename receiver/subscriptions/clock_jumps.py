"""What follows where Redis' clock jumps back: times that were stored before lie in the future.

The ends of subscriptions are the operator's, and stay. What waits for a time of our own would wait
for as long as the clock was ahead.
"""

from receiver.subscriptions import timing
from receiver.subscriptions.context import Context
from receiver.subscriptions.slots import Attempt, Slot
from receiver.subscriptions.store import Change


async def shift_times(context: Context, seconds: float) -> None:
    """Move every time of ours that lies ahead back by the jump. Raises `LeaseLost`.

    What was stored before the clock ran ahead comes earlier by it, which costs a check more.
    """
    now = context.store.now()
    await context.shift_pauses(lambda until: _earlier(until, now, seconds))
    times = context.last.times
    times |= {name: _earlier(at, now, seconds) for name, at in times.items()}
    context.lists.forget(now)

    def change(slot: Slot) -> Change:
        _shift_slot(slot, now, seconds)
        return Change()

    async for slot in context.store.slots():
        await context.store.update_slot(slot.id, change)


def _earlier(at: float, now: float, seconds: float) -> float:
    return max(now, at - seconds) if at > now else at


def _shift_slot(slot: Slot, now: float, seconds: float) -> None:
    for name in ("rest", "gap", "checked"):
        setattr(slot, name, _earlier(getattr(slot, name), now, seconds))
    for each in slot.attempts:
        for name in ("created", "next", "delete"):
            setattr(each, name, _earlier(getattr(each, name), now, seconds))
        each.renew = _renewal(each, now, seconds)


def _renewal(attempt: Attempt, now: float, seconds: float) -> float:
    """Return when the successor is due: as the end has it, unless it was wanted sooner."""
    usual = timing.renewal_due(attempt.created, attempt.ends) if attempt.ends else 0
    return usual if attempt.renew >= usual else _earlier(attempt.renew, now, seconds)
