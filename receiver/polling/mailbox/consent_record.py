"""The record of a consent, but for its secret: what everybody may read, without any key."""

import time
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from receiver.contract.stored_values import decoded

WARN_SECONDS: Final = 14 * 86_400
"""So long before its end a consent that nobody has renewed is said to end."""


class Consent(Struct, frozen=True, kw_only=True):
    """One consent. Times are seconds since 1970."""

    secret: str
    """Its encrypted tokens (`consents.Tokens`)."""
    given: int
    ends: int
    """When the refresh token ends, unless another takes its place before."""
    refused: str = ""
    """Why the gateway takes it no more, in a word; empty as long as it does."""

    def trouble(self, now: float | None = None) -> str:
        """Return in words why it needs the subscriber, or will soon; empty if it does not."""
        left = self.ends - (time.time() if now is None else now)
        if self.refused:
            return f"was refused by the gateway ({self.refused})"
        if left <= 0:
            return "has ended"
        return f"ends in {max(1, round(left / 86_400))} days" if left <= WARN_SECONDS else ""

    def days_left(self, now: float) -> float:
        """Return the days until it ends; 0 for one that is refused or over."""
        return 0.0 if self.refused else max(0.0, (self.ends - now) / 86_400)


decode = msgspec.json.Decoder(Consent).decode


def read(stored: bytes | None) -> Consent | None:
    """Return what a record says; None where there is none, or somebody else wrote it."""
    return decoded(decode, stored)


def all_of(stored: Mapping[bytes, bytes]) -> dict[str, Consent]:
    """Return poll -> its consent, of the hash `CONSENTS`; what cannot be read is left out."""
    found = {name.decode("utf-8", "replace"): read(raw) for name, raw in stored.items()}
    return {name: one for name, one in found.items() if one}
