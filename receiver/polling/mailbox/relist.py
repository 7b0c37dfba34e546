"""Listing a mailbox anew, where its deltas cannot be followed: at first, and after a stale state.

The state that the gateway has before the list is pinned: what changes while the list is read is in
the delta since then. What the list has and we do not know was added; what we know and a complete
list does not have was deleted.
"""

from typing import Any, Final

import msgspec

from receiver.carriers.att.items import fields_of
from receiver.carriers.att.mailbox_message import flags
from receiver.polling.mailbox.api import MailboxApi, NoIndex
from receiver.polling.mailbox.changes import Changes
from receiver.polling.mailbox.progress import Progress, ProgressStore, Waiting
from receiver.polling.mailbox.reading import with_texts
from receiver.polling.mailbox.shapes import Page, message_id

_LISTS: Final = 3
"""Attempts at a list that does not change while it is read."""


class Relist:
    """One attempt to list a mailbox and to tell what we missed."""

    def __init__(
        self, api: MailboxApi, store: ProgressStore, changes: Changes, progress: Progress
    ) -> None:
        self._api = api
        self._store = store
        self._changes = changes
        self._progress = progress
        self._waiting = dict(progress.waiting)

    async def run(self) -> tuple[Progress, bool]:
        """Append what the list shows; return the progress, and whether the list was complete.
        Raises `NoIndex`, and what `MailboxApi` raises.
        """
        complete, seen = False, set[str]()
        for _ in range(_LISTS):
            complete, seen = await self._list()
            if complete:
                break
        if complete:
            info = await self._api.index_if_told()
            if info and info.status != "ready":
                raise NoIndex  # the list may have been empty for want of it
            await self._delete_others(seen)
        await self._note()
        return self._progress, complete

    async def _list(self) -> tuple[bool, set[str]]:
        """Return whether no message can have slipped through between two pages, and all ids."""
        seen: set[str] = set()
        pages: list[tuple[int | None, str]] = []
        offset = 0
        while True:
            page = await self._api.page(offset)
            ids = [*map(message_id, page.messages), *page.failed]
            new = set(ids) - seen
            seen |= new
            pages.append((page.total, page.state))
            await self._publish(page)
            offset += len(ids)
            if not new or (page.total is not None and offset >= page.total):
                break
        total = page.total
        whole = total is None or len(seen) >= total
        return whole and len(set(pages)) == 1, seen

    async def _publish(self, page: Page) -> None:
        """Publish the messages of a page that are new or changed, and store that they are known."""
        listed = {message_id(one): one for one in page.messages}
        known = await self._store.flags([*listed, *page.failed])
        if self._changes.text:
            new = {id_: one for id_, one in listed.items() if id_ not in known}
            listed |= await with_texts(self._api, new)
        for id_, message in listed.items():
            now = flags(fields_of(message))
            if id_ not in known:
                await self._add("added", id_, message)
            elif _differ(known[id_], now):
                await self._add("updated", id_, message)
            self._waiting.pop(id_, None)
        for id_ in page.failed:
            if id_ not in known:
                self._waiting.setdefault(id_, Waiting({"messageId": id_}))
        await self._note()

    async def _delete_others(self, seen: set[str]) -> None:
        async for id_ in self._store.ids():
            if id_ not in seen:
                await self._add("deleted", id_, {})
        for id_ in self._waiting.keys() - seen:
            del self._waiting[id_]  # it came and went, and nobody was told of it

    async def _add(self, change: Any, id_: str, message: dict[str, Any]) -> None:
        await self._changes.add(change, id_, message, self._progress.pinned)

    async def _note(self) -> None:
        await self._changes.flush()
        self._progress = msgspec.structs.replace(self._progress, waiting=dict(self._waiting))
        await self._store.write(self._progress, self._changes.known, self._changes.gone)
        self._changes.known, self._changes.gone = {}, set()


def _differ(before: str, now: str) -> bool:
    """Return whether a flag that both states have differs between them."""
    return any("-" not in (old, new) and old != new for old, new in zip(before, now, strict=False))
