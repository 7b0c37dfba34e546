"""A slot (set, device, event type) and the attempts at a subscription for it, stored in Redis."""

import hashlib
import secrets
from typing import Any, Final, Literal

import msgspec

AttemptState = Literal["intended", "posting", "unknown", "pending", "active", "deleting"]
"""An attempt that is gone, or was refused, is not in its slot any more."""
SlotState = Literal[
    "absent", "pending", "active", "renewing", "unknown", "failing", "refused", "ended"
]


class Attempt(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One subscription that was asked for, or is about to be. Times are seconds since 1970."""

    id: str
    """Ours; stands in the sink as `s` and in the credential of its notifications."""
    state: AttemptState = "intended"
    generation: int
    """Counts the attempts of a slot from 1."""
    digest: str
    """SHA-256 (hex) of the sink's token, which is stored nowhere."""
    created: float
    asked_end: float
    subscription: str = ""
    """The operator's id, once it is known."""
    ends: float = 0
    """The effective end; 0 as long as it is not known to live."""
    renew: float = 0
    """When its successor is due."""
    delete: float = 0
    """When it is to be deleted, or looked for again after that."""
    next: float = 0
    """When to look again whether it lives."""
    absences: int = 0
    """Complete lists without it, or GETs answered 404, in a row."""
    ended: str = ""
    """Why the operator ended it (TerminationReason)."""


class Slot(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One subscription that is wanted, or was."""

    id: str
    set: str
    operator: str
    listener: str
    type: str
    """Without the prefix of a version: `reachability-data`."""
    device: dict[str, Any]
    """As CAMARA writes it (Device)."""
    wanted: bool = True
    state: SlotState = "absent"
    generation: int = 0
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    failures: int = 0
    """In a row, of creations."""
    error: str = ""
    """The last one: a status and a code."""
    refused: bool = False
    """Whether the operator said no, which it will say again."""
    rest: float = 0
    """Nothing is created before."""
    gap: float = 0
    """Since when nothing lives although something did; 0 when something does."""
    checked: float = 0
    """When its silence was last looked into."""

    def attempt(self, name: str) -> Attempt | None:
        """Return the attempt of this name, if it still matters."""
        return next((each for each in self.attempts if each.id == name), None)

    @property
    def living(self) -> list[Attempt]:
        """Those that send events, the newest last."""
        return [each for each in self.attempts if each.state == "active" and not each.ended]

    def settle_state(self) -> None:
        """Say in one word how it stands."""
        states = {each.state for each in self.attempts}
        coming = states & {"intended", "posting", "pending"}
        if self.living:
            self.state = "renewing" if coming or "unknown" in states else "active"
        elif "unknown" in states:
            self.state = "unknown"
        elif coming:
            self.state = "pending"
        elif self.refused:
            self.state = "refused"
        elif self.failures:
            self.state = "failing"
        else:
            self.state = "ended" if self.gap or not self.wanted else "absent"


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Slot).decode


def slot_id(name: str, device: dict[str, Any], event_type: str) -> str:
    """Return the name of a slot: it shows its set, not its device."""
    text = msgspec.json.encode([name, device, event_type], order="deterministic")
    return f"{name}:{hashlib.sha256(text).hexdigest()[:20]}"


_TAG_BYTES: Final = 10
_HEX: Final = frozenset("0123456789abcdef")


def new_attempt_id() -> str:
    """Return a name that no other attempt has: `rs` and twenty hex digits."""
    return "rs" + secrets.token_hex(_TAG_BYTES)


def is_attempt_id(text: str) -> bool:
    """Return whether it looks like one of ours."""
    digits = text[2:]
    return text[:2] == "rs" and len(digits) == 2 * _TAG_BYTES and set(digits) <= _HEX
