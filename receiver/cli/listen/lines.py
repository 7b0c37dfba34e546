"""What `receiver listen` prints: a line for each event, and a summary. Nothing about a person."""

import time
from collections import Counter
from collections.abc import Callable

import msgspec

from receiver.cli.terminal.event_filter import EventHead
from receiver.cli.terminal.output import print_document, printable, say, terminal
from receiver.cli.terminal.time_option import format_time


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hold one line: an event, and how it was answered."""

    time: str
    id: str
    type: str
    listener: str
    status: int = 0
    """Of the answer; 0 where there was none, or nothing was sent."""
    milliseconds: float = 0
    error: str = ""
    """Why there was no answer."""
    sink: str = ""
    """What a sink does then, where the event was not taken."""


def delivery(
    head: EventHead, status: int = 0, milliseconds: float = 0, error: str = "", sink: str = ""
) -> Delivery:
    """Return the line of an event, now."""
    now = format_time(time.time() * 1000)
    return Delivery(now, head.id, head.type, head.listener, status, milliseconds, error, sink)


class Lines:
    """Print deliveries, and count them."""

    def __init__(self, *, as_json: bool) -> None:
        self._seen: Counter[str] = Counter()
        self._print: Callable[[Delivery], None] = print_document if as_json else _print_line

    @property
    def all_taken(self) -> bool:
        """Return whether everything was answered 2xx."""
        return all(what.startswith("2") for what in self._seen)

    def show(self, one: Delivery) -> None:
        """Print a delivery, and count it."""
        self._seen[str(one.status or ("not answered" if one.error else "listed"))] += 1
        self._print(one)

    def summarise(self) -> None:
        """Print how many there were, by status."""
        said = ", ".join(f"{number} {what}" for what, number in sorted(self._seen.items()))
        total = self._seen.total()
        say(f"{total} event{'s' * (total != 1)}" + (f": {said}" if said else ""))


def _print_line(one: Delivery) -> None:
    from rich.text import Text

    text = Text()
    text.append(one.time[11:19] + "Z", "dim").append("  ")
    if one.status:
        text.append(f"[{one.status}]", "green" if 200 <= one.status < 300 else "red")
        text.append(f" {one.milliseconds:6.0f} ms  ")
    elif one.error:
        text.append(f"not answered: {printable(one.error)}  ", "red")
    text.append(printable(one.type), "bold").append("  ")
    text.append(printable(one.listener), "cyan").append("  ")
    text.append(printable(one.id), "dim")
    if one.sink:
        text.append(f"  a sink {one.sink}", "yellow")
    terminal().print(text, soft_wrap=True)
