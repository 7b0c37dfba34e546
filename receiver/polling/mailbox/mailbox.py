"""One mailbox, round by round: follow its deltas, and list it anew where that is not possible."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog
from msgspec.structs import replace

from receiver.polling.mailbox import follow
from receiver.polling.mailbox.api import MailboxApi, NoIndex, RequestRefused
from receiver.polling.mailbox.changes import Changes
from receiver.polling.mailbox.progress import Progress, ProgressStore
from receiver.polling.mailbox.reading import Pause
from receiver.polling.mailbox.relist import Relist
from receiver.polling.mailbox.shapes import IndexInfo

log = structlog.get_logger()

_FIRST_PAUSE: Final = 60.0
_LONGEST_PAUSE: Final = 3600.0
"""Seconds between two orders to build the index, doubling."""
_WORKS_AFTER: Final = 3600.0
"""Seconds of deltas after which an index is not one that keeps failing."""
_LOOKS: Final = 5
_BETWEEN_LOOKS: Final = 1.0
"""Seconds; a round is not to outlive its lease by much."""
_CHECK_EVERY: Final = 3600.0
"""Seconds between two looks at the index: it ends after 30 idle days."""
_ROUNDS_OF_LISTS: Final = 3


class NotYet(Exception):
    """There is nothing to be done but to wait; the message says for what."""

    def __init__(self, why: str, seconds: float) -> None:
        """`seconds` until the next round is worth doing."""
        self.seconds = seconds
        super().__init__(why)


class Mailbox:
    """One poll of kind `att-messages`."""

    def __init__(
        self,
        name: str,
        store: ProgressStore,
        changes: Callable[[], Changes],
        *,
        pause: Pause = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`changes` makes the collector of one round."""
        self._name = name
        self._store = store
        self._changes = changes
        self._pause = pause
        self._now = now
        self._checked = 0.0

    async def round(self, api: MailboxApi) -> int:
        """Publish what has changed; return how many changes. Raises `NotYet`, and what
        `MailboxApi` raises.
        """
        progress = await self._store.read()
        if progress.pinned or progress.building or not progress.state:
            return await self._list(api, progress)
        if await self._index_is_gone(api):
            return await self._list(api, progress)
        try:
            delta = await api.delta(progress.state)
        except RequestRefused as error:
            log.warning("mailbox.state_refused", poll=self._name, error=str(error))
            return await self._list(api, progress)
        changes = self._changes()
        then = await follow.publish(api, progress, delta, changes, self._pause)
        if then.indexed and self._now() - then.indexed_at > _WORKS_AFTER:
            then = replace(then, indexed=0)
        if then != progress or changes.count:
            await self._store.write(then, changes.known, changes.gone)
        return changes.count

    async def _list(self, api: MailboxApi, progress: Progress) -> int:
        """List everything, from a pinned state on, and go on from that state."""
        if not progress.pinned:
            progress = await self._pinned(api, progress)
        changes = self._changes()
        try:
            progress, complete = await Relist(api, self._store, changes, progress).run()
        except NoIndex:
            await self._store.write(replace(await self._store.read(), pinned=""))
            raise
        if not complete and progress.lists + 1 < _ROUNDS_OF_LISTS:
            await self._store.write(replace(progress, lists=progress.lists + 1))
            log.warning("mailbox.list_changes", poll=self._name)
            return changes.count
        done = replace(progress, state=progress.pinned, pinned="", lists=0)
        await self._store.write(done)
        log.info("mailbox.listed", poll=self._name, changes=changes.count, complete=complete)
        return changes.count

    async def _pinned(self, api: MailboxApi, progress: Progress) -> Progress:
        """Have the index built and pin its state, before anything is listed. Raises `NotYet`."""
        ready = None
        if not progress.building or await self._index_is_missing(api):
            progress = self._ordered(progress)
            await self._store.write(progress)  # first, or a process that dies here would not pause
            ready = await api.build_index()
        info = ready if _is_ready(ready) else await self._built(api)
        progress = replace(progress, building=False, pinned=info.state if info else "")
        await self._store.write(progress)
        self._checked = time.monotonic()
        return progress

    def _ordered(self, progress: Progress) -> Progress:
        """Return the progress with one more order to build the index. Raises `NotYet`."""
        pause = min(_FIRST_PAUSE * 2.0 ** (progress.indexed - 2), _LONGEST_PAUSE)
        left = progress.indexed_at + pause - self._now()
        if progress.indexed > 1 and 0 < left <= pause:  # else a clock was ahead
            raise NotYet(f"the index has failed {progress.indexed} times in a row", left)
        return replace(
            progress, building=True, indexed=progress.indexed + 1, indexed_at=self._now()
        )

    async def _built(self, api: MailboxApi) -> IndexInfo:
        """Wait a while for the index. Raises `NotYet`."""
        for _ in range(_LOOKS):
            info = await api.index()
            if _is_ready(info):
                return info
            await self._pause(_BETWEEN_LOOKS)
        raise NotYet("the gateway is still building the mailbox' index", _LOOKS * _BETWEEN_LOOKS)

    async def _index_is_gone(self, api: MailboxApi) -> bool:
        """Look at the index now and then. A gateway that does not tell is believed to have it."""
        now = time.monotonic()
        if self._checked and now < self._checked + _CHECK_EVERY:
            return False
        self._checked = now
        info = await api.index_if_told()
        return info is not None and info.status != "ready"

    async def _index_is_missing(self, api: MailboxApi) -> bool:
        """Tell whether an order to build it was not carried out, or may not have been."""
        info = await api.index_if_told()
        return info is None or info.status == "missing"


def _is_ready(info: IndexInfo | None) -> bool:
    return info is not None and info.status == "ready" and bool(info.state)
