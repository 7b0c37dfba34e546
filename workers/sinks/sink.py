"""What one sink's job works with: an event on its way, and what the other side said to it."""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Protocol, runtime_checkable

import msgspec

from receiver.contract.records import Delivery, sequence

Command = Sequence[Any]
"""One Redis command: its name and its arguments."""


NOT_OURS: Final = (
    msgspec.DecodeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)
"""What an entry may raise that somebody else wrote onto the events stream."""


class _Known(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,128}\Z")]


_known = msgspec.json.Decoder(_Known).decode


class Item:
    """One delivery in our hands: open in the consumer group, or leased from the retry set."""

    def __init__(self, delivery: Delivery, *, retry: bool) -> None:
        self.delivery = delivery
        self.retry = retry
        self.trace = ""
        """The attempt's span (`receiver.runtime.tracing.context`); empty where there are no
        traces."""

    @cached_property
    def id(self) -> str:
        """The event's id. Raises one of `NOT_OURS` if this is no event as we write them."""
        event = self.delivery.event
        if not event.startswith(b"{"):
            raise ValueError("an object is wanted, with nothing before it: see `document`")
        if not event.isascii():
            event.decode()
        return _known(event).id

    @property
    def document(self) -> bytes:
        """The event as it is sent: with `sequence`, from its entry on the stream."""
        stamp = sequence(self.delivery.entry).encode()
        return b'{"sequence":"' + stamp + b'",' + self.delivery.event[1:]


class Answer(msgspec.Struct, frozen=True):
    """What became of one request to a consumer."""

    what: Literal["taken", "failed", "refused", "gone"]
    """`failed` is tried again; `refused` never will be taken; `gone` wants nothing any more."""
    reason: str = ""
    """Never a value of the event or of a header."""
    pause: float = 0.0
    """Seconds in which the consumer wants nothing at all."""


TAKEN = Answer("taken")


@runtime_checkable
class Local(Protocol):
    """A sink on our own Redis: its commands run in the script that acknowledges."""

    guards: tuple[tuple[str, str], ...]
    """Keys it writes with other than its own names, and the type each must have."""

    def behind(self) -> bool:
        """Whether its reader has to take something first, because the server is nearly full."""

    def commands(self, item: Item) -> list[Command]:
        """What delivers one event. Must not fail on keys that the guards let through."""


class Remote(Protocol):
    """A sink elsewhere: it is asked, and answers, all from one thread."""

    at_once: int
    """Events in one request."""
    concurrency: int
    """Requests under way, at most."""
    seconds: float
    """The longest that one request takes."""

    def begin(self, items: list[Item]) -> None:
        """Ask once, and do not wait for the answer. Raises for nothing the other side does."""

    def answers(self, seconds: float) -> list[tuple[list[Item], Answer]]:
        """What was answered, each request once; waits so long for the first. Raises nothing."""
