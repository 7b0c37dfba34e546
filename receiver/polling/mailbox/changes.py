"""Changes on their way from a mailbox to the inbound stream: without texts, in batches."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from receiver.carriers.att.items import fields_of
from receiver.carriers.att.mailbox_change import MailboxChange, encode
from receiver.carriers.att.mailbox_message import Change, flags, without_text

Append = Callable[[list[bytes]], Awaitable[None]]
"""Appends bodies of the callback `att.messages`; returns when they are durable."""

_MOST: Final = 100
_MOST_BYTES: Final = 1024 * 1024


class Changes:
    """Collects changes and appends them; what they make known is to be stored after that."""

    def __init__(self, mailbox: str, append: Append, *, text: bool) -> None:
        """Without `text` neither texts nor subjects get as far as the stream."""
        self._mailbox = mailbox
        self._append = append
        self.text = text
        self._bodies: list[bytes] = []
        self._size = 0
        self.count = 0
        self.known: dict[str, str] = {}
        self.gone: set[str] = set()

    async def add(self, change: Change, id_: str, message: dict[str, Any], state: str) -> None:
        """Take one change, and append what has been collected if that is enough."""
        said = message if self.text else without_text(message)
        whole = {"messageId": id_, **said}
        body = encode(
            MailboxChange(change=change, mailbox=self._mailbox, state=state, message=whole)
        )
        self._bodies.append(body)
        self._size += len(body)
        self.count += 1
        if change == "deleted":
            self.known.pop(id_, None)
            self.gone.add(id_)
        else:
            self.known[id_] = flags(fields_of(whole))
            self.gone.discard(id_)
        if len(self._bodies) >= _MOST or self._size >= _MOST_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Append what has been collected."""
        bodies, self._bodies, self._size = self._bodies, [], 0
        if bodies:
            await self._append(bodies)
