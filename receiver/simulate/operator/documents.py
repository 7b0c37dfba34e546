"""Subscriptions, lists and status responses as each version writes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from receiver.simulate.notifications import time_text
from receiver.simulate.operator.devices import Device
from receiver.simulate.operator.dialects import Dialect
from receiver.simulate.operator.scenario import Creation
from receiver.simulate.operator.subscription import Subscription

_WORDS: Final = {
    "data": "CONNECTED_DATA",
    "sms": "CONNECTED_SMS",
    "disconnected": "NOT_CONNECTED",
}


def subscription(
    found: Subscription, settings: Creation, *, with_device: bool = True
) -> dict[str, Any]:
    """Return the body of 201 and of GET. The sink's token is never in it, but for 0.6 on demand.

    `with_device` is false for a reader whose access token says which device it is.
    """
    shown = with_device and not found.from_token
    if found.dialect.flat:
        return _flat(found, with_device=shown)
    body = found.wanted.body
    config = {**body["config"], "subscriptionDetail": _detail(found, with_device=shown)}
    answer: dict[str, Any] = {
        "id": found.id,
        "sink": found.wanted.sink,
        "protocol": "HTTP",
        "types": [found.wanted.type],
        "config": config,
        "startsAt": time_text(found.starts),
    }
    if found.ends:
        answer["expiresAt"] = time_text(found.ends)
    if settings.show_status:
        answer["status"] = found.status
    if settings.show_credential and found.dialect.version == "0.6" and "sinkCredential" in body:
        answer["sinkCredential"] = body["sinkCredential"]
    return answer


def _flat(found: Subscription, *, with_device: bool) -> dict[str, Any]:
    """Write a subscription in version 0.5 (SubscriptionInfo, which wants the type outside too)."""
    body = found.wanted.body
    answer: dict[str, Any] = {
        "subscriptionId": found.id,
        "webhook": {"notificationUrl": found.wanted.sink},
        "subscriptionDetail": _detail(found, with_device=with_device),
        "type": found.wanted.type,
        "startsAt": time_text(found.starts),
    }
    if "subscriptionExpireTime" in body:
        answer["subscriptionExpireTime"] = body["subscriptionExpireTime"]
    if found.ends:
        answer["expiresAt"] = time_text(found.ends)
    return answer


def _detail(found: Subscription, *, with_device: bool) -> dict[str, Any]:
    body = found.wanted.body
    inside = body if found.dialect.flat else body["config"]
    asked = inside["subscriptionDetail"]
    rest = {name: value for name, value in asked.items() if name != "device"}
    return {**rest, "device": shown_device(found)} if with_device else rest


def shown_device(found: Subscription) -> dict[str, Any]:
    """Return the device as answers and events name it: one identifier from 0.8, else as sent."""
    sent = found.wanted.device
    return found.device if found.dialect.one_identifier or not sent else sent


def without_query(shown: dict[str, Any]) -> dict[str, Any]:
    """Return a subscription with its sink up to the `?`."""
    return shown | {"sink": shown["sink"].partition("?")[0]} if "sink" in shown else shown


def pages(listed: Sequence[dict[str, Any]], page: int, per_page: int) -> dict[str, Any]:
    """Return one page of a list, as version 0.9 has it (Commonalities 0.8.0-rc.2)."""
    begin = (page - 1) * per_page
    pagination = {
        "page": page,
        "perPage": per_page,
        "totalCount": len(listed),
        "totalPages": -(-len(listed) // per_page),
    }
    return {"subscriptions": list(listed[begin : begin + per_page]), "pagination": pagination}


def accepted(found_id: str, dialect: Dialect) -> dict[str, Any]:
    """Return the body of 202 (SubscriptionAsync)."""
    return {dialect.async_id: found_id}


def reachability(device: Device, now: datetime, version: str) -> dict[str, Any]:
    """Return what `retrieve` says (ReachabilityStatusResponse; 0.6 still says it in one word)."""
    answer: dict[str, Any] = {"lastStatusTime": time_text(device.since or now)}
    if version == "v0.6":
        return answer | {"reachabilityStatus": _WORDS[device.reachability]}
    answer["reachable"] = bool(device.connectivity)
    if device.connectivity:
        answer["connectivity"] = sorted(device.connectivity)
    return answer


def roaming(device: Device, now: datetime) -> dict[str, Any]:
    """Return what `retrieve` says (RoamingStatusResponse)."""
    return {"lastStatusTime": time_text(device.since or now), "roaming": device.roaming} | country(
        device
    )


def country(device: Device) -> dict[str, Any]:
    """Return where a roaming device is, as far as it is known."""
    if not device.roaming or not device.country_code:
        return {}
    return {"countryCode": device.country_code, "countryName": list(device.country_name)}


def connectivity_status(device: Device, *, att: bool) -> dict[str, Any]:
    """Return the answer to `/connectivity`; AT&T's has `roaming` too (Device Status API 1.0)."""
    status: dict[str, Any] = {"connectivityStatus": _WORDS[device.reachability]}
    return status | {"roaming": device.roaming} if att else status


def roaming_status(device: Device, *, att: bool) -> dict[str, Any]:
    """Return the answer to `/roaming`; AT&T writes null where there is no country."""
    nothing = {"countryCode": None, "countryName": None} if att else {}
    return {"roaming": device.roaming, **nothing, **country(device)}
