"""The outcomes of deliveries: what `settle.lua` does with each, and its arguments for that."""

import itertools
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from receiver.contract.records import DeadLetter, Delivery, encode
from workers.sinks.sink import Command, Item

Circuit = str
"""What a request tells the circuit breaker: the consumer answers (`+`), it does not (`-`, and when
it was first tried, in ms, where it failed before), nothing (empty)."""

Action = Literal[
    "filtered",
    "delivered",
    "left",
    "run",
    "retry",
    "refused",
    "again",
    "dead",
    "unsent",
    "pause",
    "stop",
]
DEAD: Final = ("dead", "unsent")
"""Actions that leave a dead letter, after an attempt or without one."""


class Outcome(NamedTuple):
    """Hold the outcome of one delivery; `pause` and `stop` are about the sink and name none."""

    retry: bool
    """Whether the delivery is a retry; else it is open in the consumer group."""
    entry: str | bytes
    """The id of its stream entry."""
    circuit: Circuit
    action: Action
    details: tuple[Any, ...] = ()
    """What the action needs; the head of `settle.lua` lists it."""

    @property
    def dead_letter(self) -> bytes:
        """Return the encoded dead letter that it leaves, or would (`refused`); else empty."""
        if self.action == "refused":
            return bytes(self.details[3])
        return self.details[0] if self.action in DEAD else b""

    def args(self) -> tuple[Any, ...]:
        """Return the arguments of `settle.lua`."""
        return (int(self.retry), self.entry, self.circuit, self.action, *self.details)


def filtered(item: Item) -> Outcome:
    """Return the outcome of an event that the sink does not want."""
    return _outcome(item, "", "filtered")


def delivered(item: Item, circuit: Circuit) -> Outcome:
    """Return the outcome of an event that the consumer has."""
    return _outcome(item, circuit, "delivered")


def left(item: Item) -> Outcome:
    """Return the outcome of a new event that was not sent: it stays open in the group."""
    return _outcome(item, "", "left")


def run(item: Item, commands: Sequence[Command]) -> Outcome:
    """Return the outcome of an event that these Redis commands deliver when it is settled."""
    words = itertools.chain.from_iterable((len(each), *each) for each in commands)
    return _outcome(item, "", "run", len(commands), *words)


def retry(item: Item, milliseconds: int, delivery: Delivery, circuit: Circuit) -> Outcome:
    """Return the outcome of a failed attempt: `delivery` is due again after so long."""
    return _outcome(item, circuit, "retry", milliseconds, encode(delivery))


def refused(item: Item, milliseconds: int, delivery: Delivery, letter: DeadLetter) -> Outcome:
    """Return the outcome of an event that the consumer does not want: due again after so long, or,
    if it takes others (`settle.lua`), this dead letter.
    """
    details = (milliseconds, encode(delivery), letter.reason, encode(letter))
    return _outcome(item, "-", "refused", *details)


def again(item: Item, delivery: Delivery) -> Outcome:
    """Return the outcome that makes `delivery` due now without counting a failed attempt."""
    return _outcome(item, "", "again", 0, encode(delivery))


def dead(item: Item, letter: DeadLetter, circuit: Circuit) -> Outcome:
    """Return the outcome of a last attempt that failed: a dead letter."""
    return _outcome(item, circuit, "dead", encode(letter))


def unsent(item: Item, letter: DeadLetter) -> Outcome:
    """Return the outcome of a delivery that ends without an attempt: a dead letter."""
    return _outcome(item, "", "unsent", encode(letter))


def pause(milliseconds: int) -> Outcome:
    """Return the outcome that sends nothing to the sink for so long."""
    return Outcome(False, "", "", "pause", (milliseconds,))


def stop(reason: str) -> Outcome:
    """Return the outcome that stops the sink until somebody starts it."""
    return Outcome(False, "", "", "stop", (reason,))


def _outcome(item: Item, circuit: Circuit, action: Action, *details: Any) -> Outcome:
    return Outcome(item.retry, item.foreign or item.delivery.entry, circuit, action, details)
