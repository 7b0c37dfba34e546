"""Following a mailbox by its deltas: changes since a state, then the state that they lead to.

Reading removes nothing, so what is read twice does no harm: who is killed between the inbound
stream and the new state reads the same again, and it comes out once.
"""

from typing import Any, Final

import msgspec

from receiver.polling.mailbox.api import CHUNK
from receiver.polling.mailbox.changes import Changes
from receiver.polling.mailbox.progress import Progress, Waiting
from receiver.polling.mailbox.reading import Pause, read, with_texts
from receiver.polling.mailbox.shapes import Changed, Delta

ATTEMPTS: Final = 10
"""Rounds in which a message that cannot be read is asked for; then it comes out as it is known."""


async def publish(
    api: Any, progress: Progress, delta: Delta, changes: Changes, pause: Pause
) -> Progress:
    """Append all changes of a delta; return the progress that is to be stored then."""
    waiting = dict(progress.waiting)
    again = [Changed("added", id_, one.message) for id_, one in waiting.items()]
    deleted = {one.id for one in delta.changes if one.change == "deleted"}
    order = again + delta.changes
    for start in range(0, len(order), CHUNK):
        part = order[start : start + CHUNK]
        ids = list(dict.fromkeys(one.id for one in part if one.change != "deleted"))
        found, failed = await read(api, ids, pause)
        if changes.text:
            found = await with_texts(api, found)
        for one in part:
            if one.id in failed and one.id not in deleted and _waits(one, waiting):
                continue
            if one.change == "added":
                waiting.pop(one.id, None)
            whole = {**found.get(one.id, {}), **one.message}
            await changes.add(one.change, one.id, whole, progress.state)
    await changes.flush()
    return msgspec.structs.replace(progress, state=delta.state, waiting=waiting)


def _waits(one: Changed, waiting: dict[str, Waiting]) -> bool:
    """Note that a message which cannot be read is to come out later, with its latest flags; tell
    whether it is.
    """
    before = waiting.get(one.id)
    if one.change == "updated":
        if before is None:
            return False
        waiting[one.id] = Waiting({**before.message, **one.message}, before.attempts)
        return True
    attempts = (before.attempts if before else 0) + 1
    if attempts < ATTEMPTS:
        waiting[one.id] = Waiting(one.message, attempts)
    return attempts < ATTEMPTS
