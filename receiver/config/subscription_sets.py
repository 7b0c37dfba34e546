"""The subscriptions of `receiver.toml`: which devices' events are wanted, from whom, and where."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from receiver.config.listeners import LISTENER_NAME
from receiver.config.operators import Name, Operator

TYPES: Final = (
    *("reachability-data", "reachability-sms", "reachability-disconnected"),
    *("roaming-status", "roaming-on", "roaming-off", "roaming-change-country"),
)
"""What can be subscribed to, without the prefix that each version has."""


class SubscriptionSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[subscription]]`: a subscription for each device and each type."""

    name: Name
    operator: str
    listener: str = "default"
    types: tuple[str, ...]
    devices: tuple[str, ...] = ()
    devices_file: str = ""
    """One device a line; relative to the directory of `receiver.toml`."""
    days: Annotated[float, Meta(gt=0, le=3660)] | None = None
    """Life of one subscription; it is renewed in time. None: what the operator gives, or 30."""
    initial_event: bool = False
    silent_hours: Annotated[float, Meta(ge=0, le=87600)] = 0
    """So long a quiet device is believed; then its state is asked for. 0: for ever."""
    apply: Literal["auto", "manual"] = "auto"
    """`manual`: devices that came or went count once `receiver subscriptions apply` is run. What is
    wanted is renewed, and what was made twice deleted, all the same."""

    def days_at(self, operator: Operator) -> float:
        """Return the requested lifetime of a subscription, in days."""
        return self.days or min(30.0, operator.max_days or 30.0)


def faults(
    one: SubscriptionSet, operators: Sequence[Operator], listeners: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Return the keys at fault and what to do. `listeners`: none named, and all are."""
    operator = next((each for each in operators if each.name == one.operator), None)
    if operator is None:
        yield "operator", f"there is no [[operator]] {one.operator!r}"
    if not LISTENER_NAME.fullmatch(one.listener):
        yield "listener", "1 to 64 of a-z, 0-9 and - are wanted"
    elif listeners and one.listener not in listeners:
        yield "listener", f"there is no [[listener]] {one.listener!r}"
    if wrong := _types_fault(one, operator):
        yield "types", wrong
    if bool(one.devices) == bool(one.devices_file):
        yield "devices_file", "devices_file or devices is wanted, one of the two"
    if operator and operator.max_days and one.days and one.days > operator.max_days:
        yield "days", f"operator {operator.name!r} gives at most max_days = {operator.max_days:g}"


def _types_fault(one: SubscriptionSet, operator: Operator | None) -> str:
    for each in one.types:
        if each not in TYPES:
            return f"{each!r} is none of {', '.join(TYPES)}"
        if operator and not operator.base(each):
            api = "roaming" if each.startswith("roaming") else "reachability"
            return f"operator {operator.name!r} has no {api} = URL for {each!r}"
    if len(set(one.types)) < len(one.types):
        return "one of them is there twice"
    return "" if one.types else "at least one is wanted"
