"""The contract of a sink: items to deliver, answers, and the two kinds of sink."""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Protocol, runtime_checkable

import msgspec

from receiver.contract.records import Delivery, numbered

Command = Sequence[Any]
"""One Redis command: its name and its arguments."""


NOT_AN_EVENT: Final = (
    msgspec.DecodeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)
"""Errors of an entry that is not an event of ours: somebody else wrote it onto the stream."""


class _Known(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,128}\Z")]


_known = msgspec.json.Decoder(_Known).decode


class Item:
    """Hold one leased delivery: open in the consumer group, or a retry."""

    def __init__(self, delivery: Delivery, *, retry: bool) -> None:
        self.delivery = delivery
        self.retry = retry
        self.foreign = b""
        """Its name among the retries, where somebody else wrote it there: no event of ours."""
        self.leased = self.sent = 0.0
        """When a remote sink's job leased it, and when its request was sent (monotonic); of a
        batch, those of the first item."""
        self.span: Any = None
        """Belongs to `workers.forward.tracing`."""
        self.trace = ""
        """The context of the attempt's span (`receiver.runtime.tracing.context`), if its request
        is to carry one."""

    @cached_property
    def id(self) -> str:
        """Return the event's id. Raises one of `NOT_AN_EVENT` if this is not an event of ours."""
        event = self.delivery.event
        if self.foreign or not event.startswith(b"{"):
            raise ValueError("an object is wanted, with nothing before it: see `document`")
        if not event.isascii():
            event.decode()
        return _known(event).id

    @property
    def document(self) -> bytes:
        """Return the event as it is sent: with `sequence`, from its entry on the stream."""
        return numbered(self.delivery.entry, self.delivery.event)


class Answer(msgspec.Struct, frozen=True):
    """Hold how a consumer answered one request."""

    what: Literal["taken", "failed", "refused", "unsent", "gone"]
    """`failed` is retried; `refused` becomes a dead letter once the consumer has taken another;
    `unsent` becomes one at once, for what was to be sent is no event; `gone` stops the sink."""
    reason: str = ""
    """Why; never a value of the event or of a header."""
    pause: float = 0.0
    """Seconds in which nothing is sent to the consumer (`Retry-After`)."""
    status: int = 0
    """Of the HTTP response; 0 where there was none."""
    body: bytes = b""
    """How the response's body begins; the consumer's text, which is never logged."""


TAKEN = Answer("taken")


@runtime_checkable
class TransactionalSink(Protocol):
    """Deliver on our own Redis: the sink's commands run in the script that acknowledges."""

    guards: tuple[tuple[str, str], ...]
    """Keys that its commands write to besides keys of a new name, and the type each must have."""
    opening: Sequence[Command]
    """Commands that stand once before those of several events; repeated they change nothing."""

    def reader_lags(self) -> bool:
        """Return whether to wait for its reader, for what it has not read fills Redis."""

    def commands(self, item: Item) -> list[Command]:
        """Return the commands that deliver one event; they never fail on keys the guards pass."""


class RemoteSink(Protocol):
    """Deliver by requests to another server, all from one thread."""

    batch_size: int
    """Most events in one request."""
    concurrency: int
    """Most requests in flight."""
    seconds: float
    """The longest time of one request."""

    def send(self, items: list[Item]) -> None:
        """Send one request without waiting. Raises for nothing the other side does."""

    def answers(self, seconds: float) -> list[tuple[list[Item], Answer]]:
        """Return answered requests, each once; waits so long for the first. Raises nothing."""
