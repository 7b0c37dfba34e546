"""The `[[listener]]` tables of `receiver.toml`, and two that belong to no other: who may ask for a
handshake, and which readers of the company's own are waited for.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
import phonenumbers

LISTENER_NAME = re.compile(r"[a-z0-9-]{1,64}")


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One registered callback URL of ours."""

    name: str
    zone: str = "UTC"
    """IANA zone for times the carrier sends without one."""
    region: str = "US"
    """ISO 3166 code of the country whose numbers the carrier sends without a country code."""
    repeats: Literal["drop", "publish"] = "drop"
    """Whether what says the same as a notification before it is a duplicate, or an event too."""
    max_per_second: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Requests that each web process admits for it; None: as many as come."""
    inbox_text: bool = False
    """Whether the texts of messages in subscribers' mailboxes (`/att/messages`) are kept."""


class Handshake(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is granted the right to send by CloudEvents' web hook handshake: nobody by default."""

    origins: tuple[Annotated[str, msgspec.Meta(pattern=r"^[!-~]+\Z")], ...] = ()
    """Names that senders give themselves in `WebHook-Request-Origin`; `*` stands for any."""
    rate: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Requests per minute they are granted; None: any number."""


class Reader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A consumer group of the company's own on `receiver:events`."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    share: Annotated[float, msgspec.Meta(gt=0, le=50)] = 20
    """Percent of Redis's `maxmemory` within which its unread events stay when memory is short."""


def faults(listener: Listener) -> Iterator[tuple[str, str]]:
    """Return what the types cannot check: the keys at fault and what to do."""
    if not LISTENER_NAME.fullmatch(listener.name):
        yield "name", "1 to 64 of a-z, 0-9 and - are wanted"
    try:
        ZoneInfo(listener.zone)
    except (KeyError, ValueError, OSError):
        yield "zone", f"{listener.zone!r} is not an IANA zone such as America/New_York"
    if listener.region not in phonenumbers.SUPPORTED_REGIONS:
        wanted = "is not a country's code of two capital letters such as US or PH"
        yield "region", f"{listener.region!r} {wanted}"
