"""The table from CAMARA event types to our events."""

import re
from typing import Any, Final, Literal

from msgspec import Struct

from receiver.carriers.formats.text_cache import text_cache

Kind = Literal["reachability", "roaming", "lifecycle", "other"]


class Meaning(Struct, frozen=True):
    """The meaning of an event type by itself."""

    kind: Kind
    event: str
    """Our event type."""
    says: dict[str, Any] = {}
    """Members of `data` that are in the name of the type and nowhere else."""


_DATA: Final = {"reachable": True, "connectivity": ["DATA"]}
_SMS: Final = {"reachable": True, "connectivity": ["SMS"]}
_NEITHER: Final[dict[str, Any]] = {"reachable": False, "connectivity": []}

_REACHABILITY: Final = {
    "reachability-data": _DATA,
    "reachability-sms": _SMS,
    "reachability-disconnected": _NEITHER,
    "connectivity-data": _DATA,
    "connectivity-sms": _SMS,
    "connectivity-disconnected": _NEITHER,
}
# roaming-change-country "is sent only when the device stays in roaming situation".
_ROAMING: Final[dict[str, dict[str, Any]]] = {
    "roaming-status": {},
    "roaming-on": {"roaming": True},
    "roaming-off": {"roaming": False},
    "roaming-change-country": {"roaming": True},
}
_LIFECYCLE: Final = {
    "subscription-started": "subscription.started.v1",
    "subscription-updated": "subscription.updated.v1",
    "subscription-ended": "subscription.ended.v1",
    "subscription-ends": "subscription.ended.v1",  # until 0.7
}

_REACHABILITY_APIS: Final = frozenset(
    {
        "device-reachability-status-subscriptions",  # since 0.6
        "reachability-status-subscriptions",  # its release candidates
        "device-reachability-status",
        "device-status",  # 0.5
    }
)
_ROAMING_APIS: Final = frozenset(
    {
        "device-roaming-status-subscriptions",  # since 0.7
        "roaming-status-subscriptions",  # 0.6
        "device-roaming-subscriptions",  # the event guide's example
        "device-roaming-status",
        "device-status",  # 0.5
    }
)

# org.camaraproject.<api>.v<n>.<event>; the event guide's own example has `api.` before the API. The
# version may be the API's, as URLs of release candidates and of work in progress have it (`v0.7`,
# `v0.8rc1`, `vwip`: Commonalities, API design guide, "API versions in URL").
_TYPE: Final = re.compile(
    r"org\.camaraproject\.(?:api\.)?([^.]+)(?:\.v(?:wip|[0-9])[a-z0-9.-]*)?\.([^.]+)"
).fullmatch
_CAMARA: Final = "org.camaraproject."

_OTHER: Final = Meaning("other", "camara.event.received.v1")


@text_cache(1024)
def meaning_of(event_type: str) -> Meaning:
    """Return the meaning of an event type: known APIs by name, whatever their version (an event's
    version "is independent of the API version", event guide section 2.3); lifecycle events of every
    CAMARA API by the last segment.
    """
    event_type = event_type.strip().lower()
    if found := _TYPE(event_type):
        api, name = found.groups()
        if api in _REACHABILITY_APIS and name in _REACHABILITY:
            return _reachability(name)
        if api in _ROAMING_APIS and name in _ROAMING:
            return _roaming(name)
    last = event_type.rpartition(".")[2]
    if event_type.startswith(_CAMARA) and last in _LIFECYCLE:
        return _lifecycle(last)
    return _OTHER


@text_cache(256)
def early_meaning_of(event_type: str) -> Meaning:
    """Return the meaning of a name before CloudEvents: `ROAMING_STATUS`, `CONNECTIVITY_DATA`,
    `SUBSCRIPTION_ENDS`.
    """
    name = event_type.strip().lower().replace("_", "-")
    if name in _REACHABILITY:
        return _reachability(name)
    if name in _ROAMING:
        return _roaming(name)
    return _lifecycle(name) if name in _LIFECYCLE else meaning_of(event_type)


def _reachability(name: str) -> Meaning:
    return Meaning("reachability", "device.reachability.changed.v1", _REACHABILITY[name])


def _roaming(name: str) -> Meaning:
    return Meaning("roaming", "device.roaming.changed.v1", _ROAMING[name])


def _lifecycle(name: str) -> Meaning:
    return Meaning("lifecycle", _LIFECYCLE[name])
