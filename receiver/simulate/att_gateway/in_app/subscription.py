"""A subscription to the notifications of a mailbox, as the gateway keeps it."""

from msgspec import Struct


class Subscription(Struct, kw_only=True):
    """A subscription to the changes of a mailbox."""

    id: str
    channel: str
    client: str
    events: list[str]
    """Types of message: TEXT, MMS."""
    callback_data: str
    expires_in: int
