"""Accept a carrier's bytes: from one request, or one polled page, to the records that are stored.

Nothing here knows HTTP or Redis.
"""

import itertools
import secrets

from msgspec import Struct

from receiver.carriers.carrier import Callback, Request
from receiver.carriers.formats.charset_names import shortened
from receiver.contract.records import Notification, Refusal, encode


class Receipts:
    """Makes receipt ids: unique over processes and time, in order within a process."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count()

    def new(self, milliseconds: int) -> str:
        """Return an id of 27 characters: time (milliseconds since 1970), process, count."""
        return f"{milliseconds:011x}{self._process}{next(self._count) & 0xFFFFFFFF:08x}"


class Accepted(Struct, frozen=True):
    """The records to store for one request, all under one receipt."""

    receipt: str
    notifications: list[bytes]
    """Encoded `Notification`s, in the order in which the body has them."""
    refusals: list[Refusal] = []
    """The items of a list that are not what the carrier sends."""


def accept(
    callback: Callback,
    listener: str,
    receipt: str,
    received: int,
    request: Request,
    trace: str,
    attempt: str = "",
    *,
    headers: tuple[tuple[str, str], ...] = (),
    texts: bool = True,
) -> Accepted:
    """Read a body as its carrier does and return the records to store.

    `received` is in milliseconds since 1970, `trace` the context of the span that received it,
    `headers` those that are kept.
    Without `texts` a private mailbox' messages are stored without what somebody wrote. Raises
    `Rejected` where nothing of it is what the carrier sends.
    """
    reading = callback.read(request)
    if callback.private and not texts:
        reading = reading.each(callback.private)
    name, content_type = callback.name, shortened(request.content_type)
    came = (name, listener, receipt, received, content_type)
    notifications = [
        encode(Notification(*came, body, trace, attempt, "", headers, item))
        for item, body in enumerate(reading.accepted)
    ]
    if not reading.refused:
        return Accepted(receipt, notifications)
    refusals = [
        Refusal(name, listener, receipt, received, 400, item.reason, [], item.body)
        for item in reading.refused
    ]
    return Accepted(receipt, notifications, refusals)
