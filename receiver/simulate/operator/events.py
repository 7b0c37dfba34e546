"""Notifications: which event types a change of state triggers, and each one's CloudEvent."""

from datetime import datetime
from typing import Any, Final

from receiver.simulate import notifications
from receiver.simulate.operator.devices import Device
from receiver.simulate.operator.documents import country, shown_device
from receiver.simulate.operator.subscription import Subscription

ENDS: Final = {
    "MAX_EVENTS_REACHED": "EXPIRED",
    "NETWORK_TERMINATED": "EXPIRED",
    "SUBSCRIPTION_EXPIRED": "EXPIRED",
    "ACCESS_TOKEN_EXPIRED": "EXPIRED",
    "SUBSCRIPTION_DELETED": "DELETED",
}
"""Termination reason -> the status it leaves (TerminationReason, SubscriptionStatus)."""


def changes(before: Device, after: Device) -> set[str]:
    """Return the last words of the event types that a change of state triggers.

    A device that stays abroad but changes country triggers `change-country` alone (roaming 0.8,
    "Clarification on roaming-change-country").
    """
    words: set[str] = set()
    if before.reachability != after.reachability:
        words.add(after.reachability)
    if before.roaming != after.roaming:
        words |= {"status", "on" if after.roaming else "off"}
    elif after.roaming and before.country_code != after.country_code:
        words.add("change-country")
    return words


def initial(device: Device) -> set[str]:
    """Return the last words of the types whose `initialEvent` is sent in this state."""
    return {device.reachability, "status", "on" if device.roaming else "off"}


def word(event_type: str) -> str:
    """Return the last word of a type: `data`, `disconnected`, `on`, `change-country`."""
    return event_type.rpartition(".")[2].partition("-")[2]


def state(found: Subscription, device: Device) -> dict[str, Any]:
    """Return the data of the event that a subscription is for."""
    data = _data(found)
    if word(found.wanted.type) == "status":
        data |= {"roaming": device.roaming, **country(device)}
    if word(found.wanted.type) == "change-country":
        data |= country(device)
    return data


def started(found: Subscription) -> dict[str, Any]:
    """Return the data of `subscription-started` (0.8 and later)."""
    return {"initiationReason": "SUBSCRIPTION_CREATED", **_data(found)}


def updated(found: Subscription, reason: str) -> dict[str, Any]:
    """Return the data of `subscription-updated` (0.8 and later)."""
    return {"updateReason": reason, **_data(found)}


def ended(found: Subscription, reason: str) -> dict[str, Any]:
    """Return the data of `subscription-ended`, which 0.7 and before call `subscription-ends`.

    Version 0.5 knows two reasons only: what it has no word for is NETWORK_TERMINATED.
    """
    if found.dialect.flat and reason != "SUBSCRIPTION_EXPIRED":
        reason = "NETWORK_TERMINATED"
    return {"terminationReason": reason, **_data(found)}


def _data(found: Subscription) -> dict[str, Any]:
    """Return an event's data, without the device where the access token named it."""
    if found.from_token:
        return {"subscriptionId": found.id}
    return {"subscriptionId": found.id, "device": shown_device(found)}


def cloud_event(
    found: Subscription, event_id: str, last: str, when: datetime, data: dict[str, Any]
) -> dict[str, Any]:
    """Return a notification; `last` is its type without the version's prefix."""
    source = f"/{found.dialect.api}/v{found.dialect.version}/subscriptions/{found.id}"
    return notifications.cloud_event(event_id, source, found.dialect.prefix + last, when, data)
