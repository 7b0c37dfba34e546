"""The differences of the versions of the two subscription APIs, as one table.

From the official definitions: device-status 0.5.1; device-reachability-status-subscriptions and
device-roaming-status-subscriptions 0.6.1, 0.7.0, 0.8.0 and the main branch, with what Commonalities
0.8.0-rc.2 adds (here: 0.9).
"""

import re
from typing import Final, Literal, NamedTuple

from msgspec import Struct

Subject = Literal["reachability", "roaming"]

_STATES: Final = {
    "reachability": ("data", "sms", "disconnected"),
    "roaming": ("status", "on", "off", "change-country"),
}
_PREFIX: Final = "org.camaraproject."


class Dialect(Struct, frozen=True, kw_only=True):
    """One version of one API; 0.5 is one API for both subjects."""

    api: str
    version: str
    subjects: tuple[Subject, ...]
    prefix: str
    """Of its event types, with the dot at the end."""
    flat: bool = False
    """0.5: `webhook` and `subscriptionDetail` in place of `sink`, `types` and `config`."""
    async_id: str = "id"
    """What 202 calls the id."""
    device_required: bool = False
    https_only: bool = True
    end: str = "subscription-ended"
    started: bool = True
    pages: bool = False
    limits: bool = False
    """The lengths and maxima of Commonalities 0.8."""
    one_identifier: bool = True
    """A response names one identifier of the device (DeviceResponse)."""
    correlator: str = r"[a-zA-Z0-9\-_:;./<>{}]{0,256}"
    invalid_sink: str = "INVALID_SINK"
    unsupported_device: tuple[str, str] = ("UNSUPPORTED_IDENTIFIER", "SERVICE_NOT_APPLICABLE")
    """What a device identifier, and a device, that cannot be served are called."""
    conflict: str = "ALREADY_EXISTS"

    @property
    def types(self) -> tuple[str, ...]:
        """Return the event types that can be subscribed to."""
        return tuple(
            f"{self.prefix}{self.word(subject)}-{state}"
            for subject in self.subjects
            for state in _STATES[subject]
        )

    def word(self, subject: Subject) -> str:
        """Return what its event types call the subject: 0.5 says connectivity for reachability."""
        return "connectivity" if self.flat and subject == "reachability" else subject

    def accepts_correlator(self, value: str) -> bool:
        """Return whether an `x-correlator` matches this version's pattern."""
        return re.fullmatch(self.correlator, value) is not None


def _of(subject: Subject, version: str) -> Dialect:
    api = f"device-{subject}-status-subscriptions"
    old_roaming = subject == "roaming" and version == "0.6"
    name = "roaming-status-subscriptions" if old_roaming else api
    return Dialect(
        api=api,
        version=version,
        subjects=(subject,),
        prefix=f"{_PREFIX}{name}.v0.",
        **_VERSIONS[version],  # type: ignore[arg-type]
    )


_OLD: Final[dict[str, object]] = {
    "https_only": False,
    "end": "subscription-ends",
    "started": False,
    "one_identifier": False,
    "invalid_sink": "INVALID_ARGUMENT",
}
_VERSIONS: Final[dict[str, dict[str, object]]] = {
    "0.6": _OLD
    | {
        "async_id": "subscriptionId",
        "device_required": True,
        "correlator": ".*",
        "unsupported_device": ("DEVICE_NOT_APPLICABLE", "DEVICE_NOT_APPLICABLE"),
        "conflict": "CONFLICT",
    },
    "0.7": _OLD | {"correlator": "[a-zA-Z0-9-]{0,55}"},
    "0.8": {},
    "0.9": {"pages": True, "limits": True},
}

_FIRST: Final = _VERSIONS["0.6"] | {"unsupported_device": ("INVALID_ARGUMENT",) * 2}
_FLAT: Final = Dialect(
    api="device-status",
    version="0.5",
    subjects=("reachability", "roaming"),
    prefix=f"{_PREFIX}device-status.v0.",
    flat=True,
    **_FIRST,  # type: ignore[arg-type]
)

DIALECTS: Final = {
    (dialect.api, dialect.version): dialect
    for dialect in (
        _FLAT,
        *(
            _of(subject, version)
            for subject in ("reachability", "roaming")
            for version in _VERSIONS
        ),
    )
}
"""(API, version) -> dialect."""

_NAMES: Final = {"v0": "0.5", "v0.5": "0.5", "vwip": "0.9"} | {
    f"v{version}": version for version in _VERSIONS
}


class Place(NamedTuple):
    """What a path names: an API, and a subscription or a question below it."""

    api: str
    version: str
    rest: str
    """`subscriptions`, `retrieve`, `connectivity` or `roaming`."""
    id: str = ""


_PATH: Final = re.compile(
    r"(?:/.*)?/(device-status|device-(?:reachability|roaming)-status(?:-subscriptions)?)"
    r"/(v[0-9.]+|vwip)/(subscriptions|retrieve|connectivity|roaming)(?:/([^/]+))?/?"
).fullmatch


def place(path: str) -> Place | None:
    """Return what a path names, whatever root stands before the API's name (Nokia has one)."""
    found = _PATH(path)
    return Place(found[1], found[2], found[3], found[4] or "") if found else None


def dialect(found: Place) -> Dialect | None:
    """Return the dialect of a subscriptions API, or None where this version does not exist."""
    return DIALECTS.get((found.api, _NAMES.get(found.version, "")))
