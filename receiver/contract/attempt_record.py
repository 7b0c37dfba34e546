"""What is stored of an attempt at a subscription, for whoever meets its id in an event."""

import msgspec

from receiver.contract.stored_values import decoded


class AttemptRecord(msgspec.Struct, frozen=True, array_like=True):
    """Whose attempt it is, as `receiver.subscriptions` writes it."""

    operator: str
    set: str
    slot: str
    generation: int


_decode = msgspec.json.Decoder(AttemptRecord).decode


def read(stored: bytes | None) -> AttemptRecord | None:
    """Return what a record says; None where there is none, or somebody else wrote it."""
    return decoded(_decode, stored)
