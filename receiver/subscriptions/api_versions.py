"""What differs between the versions of the subscription APIs: bodies of requests and answers.

From the official definitions: device-status 0.5.1, and 0.6.1, 0.7.0, 0.8.0 and the main branch of
device-reachability-status-subscriptions and device-roaming-status-subscriptions.
"""

import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from receiver.carriers.formats import timestamp
from receiver.outbound import Answer
from receiver.runtime.moment import rfc3339

_API_AND_VERSION: Final = re.compile(r"/([a-z0-9-]+)/v(wip|[0-9][0-9a-z.]*)/?$").search
_LONGEST_ID: Final = 1024
_TOLERATED: Final = 60
"""Seconds that an operator's clock may be ahead."""
_DEAD: Final = frozenset({"INACTIVE", "EXPIRED", "DELETED", "SUBSCRIPTION_DELETED"})
"""SubscriptionStatus."""


class RemoteSubscription(Struct, frozen=True, kw_only=True):
    """A subscription as an operator shows it; a field is empty where it shows none."""

    id: str
    sink: str = ""
    type: str = ""
    """Without the prefix of a version: `reachability-data`."""
    device: dict[str, Any] = {}
    status: str = ""
    ends: float = 0
    """`expiresAt`, seconds since 1970 by our clock."""
    shown_end: float = 0
    """The same as the operator wrote it."""
    asked_end: float = 0
    """`subscriptionExpireTime`, as it was asked for; `ends` may be another, or not be shown."""

    @property
    def is_requested(self) -> bool:
        """Return whether the operator has not activated it yet."""
        return self.status == "ACTIVATION_REQUESTED"

    @property
    def is_dead(self) -> bool:
        """Return whether it sends nothing any more."""
        return self.status in _DEAD

    @property
    def tag(self) -> str:
        """Return the id of the attempt that the sink carries as `s`; empty without one."""
        try:
            return parse_qs(urlsplit(self.sink).query).get("s", [""])[0]
        except ValueError:
            return ""


class CreationRequest(Struct, frozen=True, kw_only=True):
    """What a new subscription is to be. Times are seconds since 1970."""

    base: str
    type: str
    device: dict[str, Any]
    sink: str
    token: str
    token_ends: float
    ends: float
    initial_event: bool


def creation_body(request: CreationRequest) -> dict[str, Any]:
    """Return the body of POST /subscriptions in the version that the base URL names."""
    detail: dict[str, Any] = {"device": request.device}
    if _is_flat(request.base):  # CreateSubscription, device-status 0.5.1
        return {
            "webhook": {"notificationUrl": request.sink, "notificationAuthToken": request.token},
            "subscriptionDetail": {**detail, "type": event_type(request.base, request.type)},
            "subscriptionExpireTime": _text(request.ends),
        }
    credential = {
        "credentialType": "ACCESSTOKEN",
        "accessToken": request.token,
        "accessTokenExpiresUtc": _text(request.token_ends),
        "accessTokenType": "bearer",
    }
    config: dict[str, Any] = {
        "subscriptionDetail": detail,
        "subscriptionExpireTime": _text(request.ends),
    }
    if request.initial_event:
        config["initialEvent"] = True
    return {
        "protocol": "HTTP",
        "sink": request.sink,
        "sinkCredential": credential,
        "types": [event_type(request.base, request.type)],
        "config": config,
    }


def event_type(base: str, name: str) -> str:
    """Return the full event type that a version has for a short one such as `reachability-data`."""
    found = _API_AND_VERSION(base)
    api, version = (found[1], found[2]) if found else ("", "")
    if _is_flat(base):
        return f"org.camaraproject.device-status.v0.{name.replace('reachability', 'connectivity')}"
    if not api.endswith("-subscriptions"):
        api = f"device-{name.partition('-')[0]}-status-subscriptions"
    if api.startswith("device-roaming") and version == "0.6":
        api = api.removeprefix("device-")
    return f"org.camaraproject.{api}.v0.{name}"


def parse_subscription(document: Any, ahead: int = 0) -> RemoteSubscription | None:
    """Parse a subscription in an answer, of any version; None where there is no id in it.

    Its end comes sooner by the seconds that the operator's clock is `ahead`; where that is behind,
    too early an end does no harm.
    """
    if not isinstance(document, dict):
        return None
    found = document.get("id") or document.get("subscriptionId")
    if type(found) is int:  # a number, against the definition: to read it costs nothing
        found = str(found)
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_ID or found in (".", ".."):
        return None  # nothing could be asked about it: it stands in the URL
    config, hook = _inside(document, "config"), _inside(document, "webhook")
    detail = _inside(config, "subscriptionDetail") or _inside(document, "subscriptionDetail")
    asked = config or document
    types, shown = document.get("types"), parse_time(document.get("expiresAt"))
    kind = types[0] if isinstance(types, list) and types else detail.get("type")
    return RemoteSubscription(
        id=found,
        sink=_string(document.get("sink") or hook.get("notificationUrl")),
        type=_string(kind).rpartition(".")[2].replace("connectivity-", "reachability-"),
        device=_said(
            {
                name: _said(one) if isinstance(one, dict) else one
                for name, one in _inside(detail, "device").items()
            }
        ),
        status=_string(document.get("status")).upper(),
        ends=shown - ahead if shown and ahead > _TOLERATED else shown,
        shown_end=shown,
        asked_end=parse_time(asked.get("subscriptionExpireTime")),
    )


def parse_answer(answer: Answer) -> RemoteSubscription | None:
    """Parse the subscription in an answer."""
    return parse_subscription(answer.document, answer.seconds_ahead or 0)


def parse_time(value: Any) -> float:
    """Parse an RFC 3339 time into seconds since 1970, in UTC where it names no zone; 0 where it is
    none.
    """
    found = timestamp.read(value, UTC) if isinstance(value, str) else None
    return found.timestamp() if found else 0.0


def _text(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


def _is_flat(base: str) -> bool:
    found = _API_AND_VERSION(base)
    return bool(found and found[1] == "device-status")


def _inside(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _said(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without the fields of which an operator says that it has none: null, or
    what nothing is left of.
    """
    return {name: value for name, value in document.items() if value not in (None, {})}


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
