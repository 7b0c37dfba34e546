"""The records of each answer of a destructive read, and how far it came."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

Fate = Literal["under_way", "whole", "inside", "beyond", "unanswered"]
"""`inside` and `beyond` the place at which the body was cut."""


class Handover(Struct):
    """One answer that removed something, from its first byte to the end of its connection."""

    number: int
    route: str
    subject: str
    """The registration, or the id of a sent message."""
    texts: list[str]
    """Of the messages, in their order in the body."""
    ends: list[int]
    """The offset in the body at which each message is complete."""
    length: int
    shape: str
    began: datetime
    sent: int = 0
    """Bytes of the body that were written."""
    end: Literal["", "whole", "fin", "rst", "unanswered", "left"] = ""
    """How it ended; empty while it is under way. `left`: by the client, before the end."""
    closed: datetime | None = None
    broken: bool = False
    """The client reset the connection: it may have died before it read everything."""
    killed: bool = False
    """A test says that the client was killed while this was under way."""

    def close(self, now: datetime, error: Exception | None) -> None:
        """Note the end of the connection. `error`: it was reset by the client."""
        if self.closed is not None:
            return
        self.closed = now
        self.broken = error is not None and self.end in ("whole", "fin")
        self.end = self.end or "left"

    @property
    def certain(self) -> bool:
        """Return whether all bytes that were sent have come to a client that was there to read."""
        return self.end in ("whole", "fin") and not self.broken and not self.killed

    def fates(self) -> list[Fate]:
        """Return what became of each message, in their order."""
        if self.end in ("", "whole", "unanswered"):
            fate: Fate = self.end or "under_way"
            return [fate] * len(self.ends)
        return ["inside" if end <= self.sent else "beyond" for end in self.ends]

    def shown(self) -> dict[str, Any]:
        """Return it for the records, with numbers in place of texts and offsets."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        found["messages"] = len(found.pop("texts"))
        ends = found.pop("ends")
        return found | {"complete": sum(end <= self.sent for end in ends)}


class Handovers:
    """All of them, in order."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.all: list[Handover] = []

    def begin(
        self, route: str, subject: str, texts: list[str], ends: list[int], length: int, shape: str
    ) -> Handover:
        """Add the next one, before its first byte."""
        found = Handover(len(self.all) + 1, route, subject, texts, ends, length, shape, self.now())
        self.all.append(found)
        return found

    def kill(self, at: datetime) -> list[Handover]:
        """Mark and return those whose connection was open when the client was killed."""
        found = [
            each
            for each in self.all
            if each.began <= self.now() and (each.closed is None or each.closed >= at)
        ]
        for each in found:
            each.killed = True
        return found
