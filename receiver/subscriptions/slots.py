"""A slot (set, device, event type) and the attempts to subscribe for it, as stored in Redis."""

import hashlib
import secrets
from typing import Any, Final, Literal

import msgspec

from receiver.contract.stored_values import decoded

AttemptState = Literal["intended", "posting", "unknown", "pending", "active", "deleting"]
"""An attempt that is gone, or was refused, is not in its slot any more."""
SlotState = Literal[
    "absent", "pending", "active", "renewing", "unknown", "failing", "refused", "ended"
]


class Attempt(msgspec.Struct, kw_only=True, array_like=True):
    """One subscription that was requested, or is about to be. Times are seconds since 1970.

    Stored as an array, as `Slot` is: names of fields would be a third of what Redis holds of a
    slot. So a new field comes last, with a default.
    """

    id: str
    """Our id; the sink carries it as `s`, and so does the credential of its notifications."""
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
    """The effective end; 0 as long as it is not known to be alive."""
    renew: float = 0
    """When its successor is due."""
    delete: float = 0
    """When it is to be deleted, or when the deletion is to be checked again."""
    next: float = 0
    """When to check again whether it is alive."""
    absences: int = 0
    """Complete lists without it, or GETs answered 404, one after the other."""
    ended: str = ""
    """Why the operator ended it (TerminationReason)."""


class Slot(msgspec.Struct, kw_only=True, array_like=True):
    """One subscription that is wanted, or was; its attempts are those that still matter."""

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
    """Creations that failed, one after the other."""
    error: str = ""
    """The last failure: a status and a code."""
    refused: bool = False
    """Whether the operator refused, and would refuse again."""
    no_room: bool = False
    """Whether the operator's quota has no room for a successor beside the living subscription. That
    is then deleted before its successor is created, as late as possible."""
    rest: float = 0
    """Until when nothing is created."""
    gap: float = 0
    """Since when no subscription is alive although one was; 0 where one is."""
    checked: float = 0
    """When it was last checked for its silence."""

    def attempt(self, name: str) -> Attempt | None:
        """Return the attempt with this id; None where it has ended or was given up."""
        return next((each for each in self.attempts if each.id == name), None)

    @property
    def living(self) -> list[Attempt]:
        """Return the attempts whose subscriptions send events, the newest last."""
        return [each for each in self.attempts if each.state == "active" and not each.ended]

    def update_state(self) -> None:
        """Set `state` from the attempts."""
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


def parse_slot(name: str, stored: bytes) -> Slot | None:
    """Return the slot of this name; None where it has no record, or somebody else wrote it: also
    the copy of another slot's, which could never be written where it stands.
    """
    found = decoded(decode, stored)
    return found if found and found.id == name else None


def as_document(slot: Slot) -> dict[str, Any]:
    """Return a slot with the names of its fields, for other programs."""
    attempts = [msgspec.structs.asdict(each) for each in slot.attempts]
    return msgspec.structs.asdict(slot) | {"attempts": attempts}


def slot_id(name: str, operator: str, device: dict[str, Any], event_type: str) -> str:
    """Return the id of a slot: its set, and a digest that does not show its device.

    A set that moves to another operator has other slots there: the old ones are to be deleted.
    """
    text = msgspec.json.encode([name, operator, device, event_type], order="deterministic")
    return f"{name}:{hashlib.sha256(text).hexdigest()[:20]}"


_TAG_BYTES: Final = 10
_HEX: Final = frozenset("0123456789abcdef")


def new_attempt_id() -> str:
    """Return a new id: `rs` and twenty hex digits."""
    return "rs" + secrets.token_hex(_TAG_BYTES)


def is_attempt_id(text: str) -> bool:
    """Return whether a text has the form of an attempt's id."""
    digits = text[2:]
    return text[:2] == "rs" and len(digits) == 2 * _TAG_BYTES and set(digits) <= _HEX
