"""A subscriber's In-App mailbox: its messages, its index, and what has changed since a state."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct, field

from receiver.simulate.att_gateway.scenario import Scenario

Status = Literal["NOT_INITIALIZED", "INITIALIZING", "INITIALIZED", "ERROR"]
Change = Literal["ADD", "UPDATE", "DELETE"]
_IDLE_MINUTES: Final = 30 * 24 * 60
"""In-App Messaging: an index is dropped after 30 days without use."""


_STATE: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,9})\+/=&")


class Part(Struct, frozen=True):
    """An attachment of an MMS."""

    name: str
    media_type: str
    content: bytes


class Item(Struct, kw_only=True):
    """A message in the mailbox."""

    id: str
    sender: str
    recipients: list[str]
    at: datetime
    text: str = ""
    subject: str = ""
    incoming: bool = True
    unread: bool = True
    favorite: bool = False
    parts: list[Part] = field(default_factory=list)
    segment: tuple[int, int, int] | None = None
    """Reference number, number of parts, this part."""

    @property
    def type(self) -> str:
        """Return TEXT or MMS."""
        return "MMS" if self.parts or self.subject or len(self.recipients) > 1 else "TEXT"


class Changed(Struct, frozen=True):
    """One change of a mailbox, with the flags after it."""

    change: Change
    id: str
    type: str
    unread: bool
    favorite: bool


class Subscription(Struct, kw_only=True):
    """A subscription to the changes of a mailbox."""

    id: str
    channel: str
    client: str
    events: list[str]
    """Types of message: TEXT, MMS."""
    callback_data: str
    expires_in: int


class Mailbox:
    """The messages of one subscriber. Each change is a state further."""

    def __init__(
        self, scenario: Callable[[], Scenario], now: Callable[[], datetime], subscriber: str
    ) -> None:
        self._scenario = scenario
        self._now = now
        self.subscriber = subscriber
        self.items: dict[str, Item] = {}
        self.changes: list[Changed] = []
        self.failing: dict[str, int] = {}
        """Ids whose content cannot be had the next so many times."""
        self.error = False
        """The index is in the status ERROR until it is created anew."""
        self.watchers: list[Callable[[Item, Change], None]] = []
        self._created = 0
        self._epoch = 0
        self._ready: datetime | None = None
        self._used = now()

    def index(self) -> None:
        """Create the index, or create it anew."""
        now = self._now()
        if self.status in ("NOT_INITIALIZED", "ERROR"):
            self._ready = now + timedelta(seconds=self._scenario().messages.index_after)
        self.error, self._used = False, now

    def drop_index(self) -> None:
        """Drop the index: every state is unknown from now on."""
        self._ready = None
        self._epoch += 1

    @property
    def status(self) -> Status:
        """Return the status of the index."""
        if self.error:
            return "ERROR"
        minute, now = self._scenario().gateway.minute, self._now()
        if self._ready and now - self._used > timedelta(seconds=_IDLE_MINUTES * minute):
            self.drop_index()
        if self._ready is None:
            return "NOT_INITIALIZED"
        return "INITIALIZED" if now >= self._ready else "INITIALIZING"

    @property
    def state(self) -> str:
        """Return the state of now; it has characters that a URL must escape."""
        return f"{self._epoch}:{len(self.changes)}+/=&"

    def use(self) -> None:
        """Note that the index is used: it stays."""
        self._used = self._now()

    def add(self, item: Item) -> Item:
        """Add a message; its id is made here."""
        self._created += 1
        item.id = f"WU{self._created}"
        self.items[item.id] = item
        self._note("ADD", item)
        return item

    def update(self, name: str, *, unread: bool | None, favorite: bool | None) -> None:
        """Change the flags of a message, if it is there."""
        item = self.items.get(name)
        if item is None:
            return
        before = item.unread, item.favorite
        item.unread = item.unread if unread is None else unread
        item.favorite = item.favorite if favorite is None else favorite
        if before != (item.unread, item.favorite):
            self._note("UPDATE", item)

    def delete(self, name: str) -> None:
        """Remove a message, if it is there."""
        if item := self.items.pop(name, None):
            self._note("DELETE", item)

    def since(self, state: str) -> list[Changed] | None:
        """Return one change of each message that changed since a state; None for an unknown one."""
        found = _STATE.fullmatch(state)
        if not found or int(found[1]) != self._epoch or int(found[2]) > len(self.changes):
            return None
        latest: dict[str, Changed] = {}
        first: dict[str, Change] = {}
        for each in self.changes[int(found[2]) :]:
            first.setdefault(each.id, each.change)
            latest[each.id] = each
        return [
            Changed("ADD", each.id, each.type, each.unread, each.favorite)
            if first[each.id] == "ADD" and each.change == "UPDATE"
            else each
            for each in latest.values()
            if not (first[each.id] == "ADD" and each.change == "DELETE")
        ]

    def fails(self, name: str) -> bool:
        """Return whether a message's content cannot be had this time. Counts it."""
        left = self.failing.get(name, 0)
        if left:
            self.failing[name] = left - 1
        return bool(left)

    def _note(self, change: Change, item: Item) -> None:
        changed = Changed(change, item.id, item.type, item.unread, item.favorite)
        self.changes.append(changed)
        for watcher in self.watchers:
            watcher(item, change)
