"""Reading a request for a subscription: what is wanted, or the error that the versions document."""

import ipaddress
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from receiver.carriers.formats import timestamp
from receiver.simulate.operator import devices
from receiver.simulate.operator.dialects import Dialect
from receiver.simulate.operator.problems import Refused, invalid
from receiver.simulate.operator.scenario import Limits

_PROTOCOLS: Final = {"HTTP", "MQTT3", "MQTT5", "AMQP", "NATS", "KAFKA"}
_CREDENTIALS: Final = {"PLAIN", "ACCESSTOKEN", "REFRESHTOKEN", "PRIVATE_KEY_JWT"}
_MULTIEVENT: Final = "MULTIEVENT_SUBSCRIPTION_NOT_SUPPORTED"
_MOST_EVENTS: Final = 1_000_000


class Wanted(Struct, frozen=True, kw_only=True):
    """A requested subscription, in the same form for all versions."""

    sink: str
    type: str
    device: dict[str, Any] | None
    """As sent; None when the access token is to say which."""
    token: str
    """For the sink; empty for notifications without one."""
    token_ends: datetime | None = None
    expires: datetime | None = None
    max_events: int = 0
    """0: any number."""
    initial_event: bool = False
    body: dict[str, Any]
    """As sent; answers repeat parts of it."""


def read(body: Any, dialect: Dialect, limits: Limits, now: datetime) -> Wanted:
    """Return the requested subscription. Raises `Refused`."""
    if not isinstance(body, dict):
        raise invalid("body", "an object")
    wanted = _read_flat(body, dialect, limits) if dialect.flat else _read(body, dialect, limits)
    if wanted.expires and wanted.expires <= now:
        raise invalid("config.subscriptionExpireTime", "a time in the future")
    if wanted.token_ends and wanted.token_ends <= now:
        raise invalid("sinkCredential.accessTokenExpiresUtc", "a time in the future")
    return wanted


def _read_flat(body: dict[str, Any], dialect: Dialect, limits: Limits) -> Wanted:
    """Read a creation of version 0.5 (device-status 0.5.1, CreateSubscription)."""
    webhook = _object(body, "webhook")
    detail = _object(body, "subscriptionDetail", "subscriptionDetail")
    token = webhook.get("notificationAuthToken", "")
    if not isinstance(token, str):
        raise invalid("webhook.notificationAuthToken", "a string")
    return Wanted(
        sink=_sink(webhook.get("notificationUrl"), "webhook.notificationUrl", dialect, limits),
        type=_type(detail.get("type"), "subscriptionDetail.type", dialect),
        device=_device(detail, "subscriptionDetail.device", dialect),
        token=token,
        expires=_time(body, "subscriptionExpireTime"),
        body=body,
    )


def _read(body: dict[str, Any], dialect: Dialect, limits: Limits) -> Wanted:
    """Read a creation of version 0.6 and later (SubscriptionRequest)."""
    _check_protocol(body.get("protocol"))
    sink = _sink(body.get("sink"), "sink", dialect, limits)
    types = body.get("types")
    if not isinstance(types, list) or not types:
        raise invalid("types", "an array with one event type")
    read = [_type(each, "types", dialect) for each in types]
    if len(read) > 1:
        raise Refused(422, _MULTIEVENT, "Multi event types subscription not managed")
    token, ends = _credential(body.get("sinkCredential"), dialect)
    config = _object(body, "config")
    detail = _object(config, "subscriptionDetail", "config.subscriptionDetail")
    initial = config.get("initialEvent", False)
    if not isinstance(initial, bool):
        raise invalid("config.initialEvent", "a boolean")
    return Wanted(
        sink=sink,
        type=read[0],
        device=_device(detail, "config.subscriptionDetail.device", dialect),
        token=token,
        token_ends=ends,
        expires=_time(config, "subscriptionExpireTime"),
        max_events=_max_events(config, dialect),
        initial_event=initial,
        body=body,
    )


def _check_protocol(protocol: Any) -> None:
    if not isinstance(protocol, str):
        raise invalid("protocol", "HTTP")
    if protocol != "HTTP":
        known = "only HTTP is supported" if protocol in _PROTOCOLS else "no such protocol"
        raise Refused(400, "INVALID_PROTOCOL", f"protocol: {known}")


def _sink(sink: Any, place: str, dialect: Dialect, limits: Limits) -> str:
    if not isinstance(sink, str) or not sink:
        raise invalid(place, "a URL")
    parts = _split(sink)
    https = parts[0] == "https" and bool(parts[1])
    plain = parts[0] == "http" and bool(parts[1])
    allowed = plain and (not dialect.https_only or (limits.loopback_sinks and _local(parts[1])))
    if not https and not allowed:
        raise Refused(400, dialect.invalid_sink, f"{place}: an https URL is wanted")
    if dialect.limits and len(sink) > 2048:
        raise Refused(400, dialect.invalid_sink, f"{place}: at most 2048 characters are wanted")
    return sink


def _split(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or ""
    except ValueError:
        return "", ""


def _local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _type(value: Any, place: str, dialect: Dialect) -> str:
    if value not in dialect.types:
        raise invalid(place, "one of " + ", ".join(dialect.types))
    return str(value)


def _credential(credential: Any, dialect: Dialect) -> tuple[str, datetime | None]:
    """Return token and its end. The schemas name further kinds; text and tests refuse them."""
    if credential is None:
        return "", None
    if not isinstance(credential, dict) or not isinstance(credential.get("credentialType"), str):
        raise invalid("sinkCredential.credentialType", "ACCESSTOKEN")
    kind = credential["credentialType"]
    if kind == "PRIVATE_KEY_JWT" and dialect.limits:
        raise Refused(422, "PRIVATE_KEY_JWT_NOT_CONFIGURED", "No token endpoint is configured.")
    if kind != "ACCESSTOKEN":
        known = "only ACCESSTOKEN is supported" if kind in _CREDENTIALS else "no such type"
        raise Refused(400, "INVALID_CREDENTIAL", f"sinkCredential.credentialType: {known}")
    if credential.get("accessTokenType") != "bearer":
        raise Refused(400, "INVALID_TOKEN", "Only bearer token is supported")
    token = credential.get("accessToken")
    if not isinstance(token, str) or not token or (dialect.limits and len(token) > 4096):
        raise invalid("sinkCredential.accessToken", "a string")
    ends = _time(credential, "accessTokenExpiresUtc")
    if ends is None:
        raise invalid("sinkCredential.accessTokenExpiresUtc", "an RFC 3339 time with zone")
    return token, ends


def _device(detail: dict[str, Any], place: str, dialect: Dialect) -> dict[str, Any] | None:
    if "device" in detail:
        return devices.checked(detail["device"], place)
    if dialect.device_required:
        raise invalid(place, "an object")
    return None


def _max_events(config: dict[str, Any], dialect: Dialect) -> int:
    found = config.get("subscriptionMaxEvents")
    if found is None:
        return 0
    if type(found) is not int or found < 1:
        raise invalid("config.subscriptionMaxEvents", "an integer from 1")
    if dialect.limits and found > _MOST_EVENTS:
        raise Refused(400, "OUT_OF_RANGE", f"config.subscriptionMaxEvents: at most {_MOST_EVENTS}")
    return found


def _time(inside: dict[str, Any], name: str) -> datetime | None:
    value = inside.get(name)
    if value is None:
        return None
    found = timestamp.rfc3339(value) if isinstance(value, str) else None
    if found is None:
        raise invalid(name, "an RFC 3339 time with zone")
    return found


def _object(inside: dict[str, Any], name: str, place: str = "") -> dict[str, Any]:
    found = inside.get(name)
    if not isinstance(found, dict):
        raise invalid(place or name, "an object")
    return found
