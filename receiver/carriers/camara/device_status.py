"""What polled devices' states have become: `receiver.polling` asks, and stores a change as this.

The body is ours: `{"device": Device, "status": {reachable, connectivity, roaming, countryCode,
countryName, lastStatusTime}, "since": milliseconds, "changes": ["reachability", "roaming"]}`, where
`status` has the names of CAMARA's ReachabilityStatusResponse and RoamingStatusResponse, and `since`
is when the state before was first seen.
"""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final

import msgspec
from msgspec import Raw

from receiver.carriers.camara.device import device_of, name_of
from receiver.carriers.camara.values import connectivity, country_code, country_names, flag
from receiver.carriers.carrier import Event, Reading, Rejected, Request, Unreadable, as_items
from receiver.carriers.formats import timestamp
from receiver.carriers.formats.cloudevent_text import attribute
from receiver.carriers.formats.json_body import as_raw, json_value
from receiver.contract.records import Notification


def _reachability(status: dict[str, Any]) -> dict[str, Any]:
    return {
        "reachable": flag(status.get("reachable")),
        "connectivity": connectivity(status.get("connectivity")),
    }


def _roaming(status: dict[str, Any]) -> dict[str, Any]:
    return {
        "roaming": flag(status.get("roaming")),
        "countryCode": country_code(status.get("countryCode")),
        "countryName": country_names(status.get("countryName")),
    }


_SAYS: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "reachability": _reachability,
    "roaming": _roaming,
}


def states(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a status says, by what a poll may find changed; without what it does not say."""
    said = {name: says(status) for name, says in _SAYS.items()}
    return {
        name: state
        for name, state in said.items()
        if state["reachable" if name == "reachability" else "roaming"] is not None
    }


def read(request: Request) -> Reading:
    """Return the body as one notification. Raises `Rejected`."""
    changes = _change(request.body)["changes"]
    return Reading((request.body,), items=len(changes))


def normalise(notification: Notification, _zone: tzinfo) -> list[Event]:
    """Return one event for each change. Raises `Unreadable`."""
    try:
        found = _change(notification.body)
    except Rejected as fault:
        raise Unreadable(fault.reason) from None
    raw = as_raw(notification.body)
    return as_items([_event(name, found, raw) for name in found["changes"]])


def _event(name: str, found: dict[str, Any], raw: Raw) -> Event:
    device = device_of(found)
    status, subject = found["status"], attribute(name_of(device))
    state = _SAYS[name](status)
    said = msgspec.json.encode(state, order="sorted").decode()
    at = status.get("lastStatusTime")
    return Event(
        type=f"device.{name}.changed.v1",
        data={"subscriptionId": None, "device": device, **state},
        raw=raw,
        subject=subject,
        time=timestamp.rfc3339(at) if isinstance(at, str) else None,
        identity=("device-status", subject or "", name, str(found.get("since")), said),
        basis="composite",
    )


def _change(body: bytes) -> dict[str, Any]:
    found = json_value(body)
    if type(found) is not dict or type(found.get("status")) is not dict:
        raise Rejected("status: an object is wanted")
    changes = found.get("changes")
    if type(changes) is not list or not changes or any(each not in _SAYS for each in changes):
        raise Rejected("changes: reachability or roaming is wanted")
    return found
