"""The versions of the subscription APIs, as our requests and their answers have them.

From the official definitions: device-status 0.5.1, and 0.6.1, 0.7.0, 0.8.0 and the main branch of
device-reachability-status-subscriptions and device-roaming-status-subscriptions.
"""

import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from receiver.carriers.formats import timestamp

_PLACE: Final = re.compile(r"/([a-z0-9-]+)/v(wip|[0-9][0-9a-z.]*)/?$").search
DEAD: Final = frozenset({"INACTIVE", "EXPIRED", "DELETED", "SUBSCRIPTION_DELETED"})
"""What `status` says of one that sends nothing any more (SubscriptionStatus)."""


class Seen(Struct, frozen=True, kw_only=True):
    """A subscription as an operator shows it; empty where it does not say."""

    id: str
    sink: str = ""
    type: str = ""
    """Without prefix."""
    device: dict[str, Any] = {}
    status: str = ""
    ends: float = 0
    """`expiresAt`, seconds since 1970."""

    @property
    def tag(self) -> str:
        """The attempt that its sink names."""
        try:
            return parse_qs(urlsplit(self.sink).query).get("s", [""])[0]
        except ValueError:
            return ""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a subscription is asked for with."""

    base: str
    type: str
    device: dict[str, Any]
    sink: str
    token: str
    token_ends: float
    ends: float
    initial_event: bool


def creation(wanted: Wanted) -> dict[str, Any]:
    """Return the body of POST /subscriptions."""
    detail: dict[str, Any] = {"device": wanted.device}
    if _is_flat(wanted.base):  # CreateSubscription, device-status 0.5.1
        return {
            "webhook": {"notificationUrl": wanted.sink, "notificationAuthToken": wanted.token},
            "subscriptionDetail": {**detail, "type": event_type(wanted.base, wanted.type)},
            "subscriptionExpireTime": _text(wanted.ends),
        }
    credential = {
        "credentialType": "ACCESSTOKEN",
        "accessToken": wanted.token,
        "accessTokenExpiresUtc": _text(wanted.token_ends),
        "accessTokenType": "bearer",
    }
    config: dict[str, Any] = {
        "subscriptionDetail": detail,
        "subscriptionExpireTime": _text(wanted.ends),
    }
    if wanted.initial_event:
        config["initialEvent"] = True
    return {
        "protocol": "HTTP",
        "sink": wanted.sink,
        "sinkCredential": credential,
        "types": [event_type(wanted.base, wanted.type)],
        "config": config,
    }


def event_type(base: str, word: str) -> str:
    """Return the whole event type that a version has for `reachability-data`."""
    found = _PLACE(base)
    api, version = (found[1], found[2]) if found else ("", "")
    if _is_flat(base):
        return f"org.camaraproject.device-status.v0.{word.replace('reachability', 'connectivity')}"
    if not api.endswith("-subscriptions"):
        api = f"device-{word.partition('-')[0]}-status-subscriptions"
    if api.startswith("device-roaming") and version == "0.6":
        api = api.removeprefix("device-")
    return f"org.camaraproject.{api}.v0.{word}"


def subscription(document: Any) -> Seen | None:
    """Return what an answer shows; None where there is no id in it."""
    if not isinstance(document, dict):
        return None
    found = document.get("id") or document.get("subscriptionId")
    if not isinstance(found, str) or not found:
        return None
    config, hook = _inside(document, "config"), _inside(document, "webhook")
    detail = _inside(config, "subscriptionDetail") or _inside(document, "subscriptionDetail")
    types = document.get("types")
    kind = types[0] if isinstance(types, list) and types else detail.get("type")
    return Seen(
        id=found,
        sink=_string(document.get("sink") or hook.get("notificationUrl")),
        type=_string(kind).rpartition(".")[2].replace("connectivity-", "reachability-"),
        device=_inside(detail, "device"),
        status=_string(document.get("status")).upper(),
        ends=time_of(document.get("expiresAt")),
    )


def time_of(value: Any) -> float:
    """Return seconds since 1970; 0 where it is no time."""
    found = timestamp.rfc3339(value) if isinstance(value, str) else None
    return found.timestamp() if found else 0.0


def _text(seconds: float) -> str:
    when = datetime.fromtimestamp(seconds, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_flat(base: str) -> bool:
    found = _PLACE(base)
    return bool(found and found[1] == "device-status")


def _inside(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
