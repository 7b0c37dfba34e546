"""The messages that wait to be read, by registration, and where every accepted one is."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Final

from msgspec import Struct

from receiver.simulate.att_gateway.scenario import Scenario

_MINUTES: Final = 30
"""SMS API, Get SMS: "at least once every 30 minutes; otherwise the messages are automatically
removed".
"""


class Message(Struct, frozen=True):
    """A message that a subscriber sent to a short code."""

    sender: str
    text: str
    accepted: datetime


class Inbox:
    """All inboxes of the gateway. What has been taken is gone: handovers know where it went."""

    def __init__(self, scenario: Callable[[], Scenario], now: Callable[[], datetime]) -> None:
        self._scenario = scenario
        self._now = now
        self._waiting: dict[str, deque[Message]] = {}
        self._read: dict[str, tuple[datetime, bool]] = {}
        self._texts = Random(f"{scenario().seed}:texts")  # noqa: S311 - seeded, to be repeated
        self._latest: dict[str, Message] = {}
        self.accepted = 0
        self.expired: list[str] = []
        """The texts of those that nobody read in time."""

    def accept(self, registration: str, sender: str, text: str, *, generated: bool) -> None:
        """Add a message. A generated one may have sender and text of the one before."""
        message = Message(sender, text, self._now())
        before = self._latest.get(registration)
        if generated and self._texts.random() < self._scenario().faults.same_text and before:
            message = Message(before.sender, before.text, message.accepted)
        self._latest[registration] = message
        self._waiting.setdefault(registration, deque()).append(message)
        self.accepted += 1

    def take(self, registration: str, most: int) -> tuple[list[Message], int]:
        """Remove and return the oldest messages, and say how many stay."""
        self.expire()
        waiting = self._waiting.get(registration, deque())
        found = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        self._read[registration] = self._now(), bool(waiting)
        return found, len(waiting)

    def too_soon(self, registration: str) -> bool:
        """Return whether the inbox was read a moment ago, and not for its next page now."""
        last, more = self._read.get(registration, (None, False))
        pause = timedelta(seconds=self._scenario().gateway.min_interval)
        return last is not None and not more and self._now() - last < pause

    @property
    def waiting(self) -> dict[str, int]:
        """Return how many wait, by registration."""
        self.expire()
        return {name: len(found) for name, found in self._waiting.items()}

    def expire(self) -> None:
        """Remove what nobody has read for 30 minutes."""
        life = timedelta(seconds=_MINUTES * self._scenario().gateway.minute)
        oldest = self._now() - life
        for found in self._waiting.values():
            while found and found[0].accepted <= oldest:
                self.expired.append(found.popleft().text)
