"""The scenario file of a simulated operator: its clients, its behaviour, and its faults.

A bad value raises `ScenarioError`: one line that names the file, the line and what is wanted.
The sections can be replaced while it runs (`control`), hence they are plain values.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from receiver.simulate.scenario import read

Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Count = Annotated[int, Meta(ge=0)]
Connectivity = Literal["DATA", "SMS"]
Identifier = Literal["phoneNumber", "networkAccessIdentifier", "ipv4Address", "ipv6Address"]
Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
Operation = Literal["create", "list", "get", "delete", "retrieve", "token", "any"]
Effect = Literal[
    "status",
    "drop",
    "slow",
    "lost",
    "late",
    "applied-status",
    "truncated",
    "unreadable",
    "no-id",
    "huge",
    "drip",
    "redirect",
]


class _Section(Struct, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class Creation(_Section):
    """How a subscription is created."""

    answer: Literal[201, 202] = 201
    active_after: Seconds = 0
    """Until then it is ACTIVATION_REQUESTED and sends nothing; after a 202 its GET is 404."""
    event_first: bool = False
    """Its first events reach the sink before the answer reaches the client."""
    started: bool = False
    """Send `subscription-started`, where the version has it (0.8 and later)."""
    show_status: bool = True
    """`status` is optional in every version."""
    show_credential: bool = False
    """Version 0.6 may return the `sinkCredential`."""
    refuse_twins: bool = False
    """409 for a second subscription with the same device, type and sink without its query."""


class Deletion(_Section):
    """How a subscription is deleted."""

    answer: Literal[204, 202] = 204
    notify: bool = True
    """DELETE sends `subscription-ended` with SUBSCRIPTION_DELETED."""


class Listing(_Section):
    """What a list shows. Only a 404 on GET id proves that a subscription is gone."""

    lag: Seconds = 0
    """Until a new subscription is listed."""
    cap: Count = 0
    """Show so many, without a word about the rest; 0 shows all."""
    form: Literal["version", "array", "pages"] = "version"
    """`pages` is version 0.9's: `{subscriptions, pagination}`."""
    per_page: Annotated[int, Meta(ge=1, le=100)] = 20
    show_query: bool = True
    """False: sinks are shown without what follows their `?`."""
    empty: Literal["list", "404"] = "list"
    """`404`: where there is none the answer is NOT_FOUND, which no version documents."""


class Limits(_Section):
    """The operator's limits."""

    max_seconds: Seconds = 0
    """The longest life; a longer one is shortened and `expiresAt` says so. 0: any."""
    quota: Count = 0
    """Live subscriptions; further ones are 429 QUOTA_EXCEEDED. 0: any number."""
    rate: Seconds = 0
    """Requests a second; further ones are 429 TOO_MANY_REQUESTS. 0: any number."""
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    device_identifiers: tuple[Identifier, ...] = ("phoneNumber", "ipv4Address", "ipv6Address")
    loopback_sinks: bool = True
    """Take http:// sinks on this machine although the versions from 0.8 want https."""


class Notifications(_Section):
    """How notifications are sent."""

    time: Literal["occurrence", "send"] = "occurrence"
    """Which moment the event's `time` is."""
    attempts: Annotated[int, Meta(ge=1)] = 3
    pause: Seconds = 0.5
    """Seconds before the second attempt, doubling; a longer Retry-After goes first."""
    timeout: Annotated[float, Meta(gt=0)] = 10.0
    delay: Seconds = 0
    """Seconds between what happens and the first attempt."""
    connections: Annotated[int, Meta(ge=1)] = 32


class Authentication(_Section):
    """Which clients may call the API."""

    kind: Literal["oauth", "headers", "none"] = "oauth"
    headers: dict[str, str] = field(default_factory=lambda: {"x-rapidapi-key": "simulated-key"})
    """For `headers`: each has to be there with this value."""
    expires_in: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 3600
    expires_in_text: bool = False
    """The token endpoint answers `"3600"` in place of 3600."""
    scope_required: bool = False
    """Refuse a token request without `scope`, as CAMARA's profile has it."""
    check_scopes: bool = False
    """Hold the token endpoint's tokens to the scopes that were asked for."""
    max_assertion_seconds: Count = 300
    """The longest life of a client's assertion (CAMARA profile r4.2: 300)."""


class Client(_Section):
    """A client of the token endpoint."""

    id: str = "simulated-client"
    secret: str = "simulated-secret"  # noqa: S105 - made up, and printed at the start
    methods: tuple[Method, ...] = ("client_secret_basic", "client_secret_post")
    jwks: str = ""
    """The file with the client's public keys, a JWK set, for `private_key_jwt`."""


class Device(_Section):
    """A device and its state at the start. Unknown devices are created when they are named."""

    phone: str
    connectivity: tuple[Connectivity, ...] = ("DATA", "SMS")
    roaming: bool = False
    country_code: int = 0
    country_name: tuple[str, ...] = ()
    refuse: str = ""
    """An error code that requests for it get: IDENTIFIER_NOT_FOUND, SERVICE_NOT_APPLICABLE."""


class Fault(_Section):
    """A fault of requests of one kind."""

    effect: Effect
    operation: Operation = "any"
    times: Count = 1
    """How often; 0 for ever."""
    skip: Count = 0
    """Requests that go well before it begins."""
    share: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Of the requests it could hit."""
    status: Annotated[int, Meta(ge=200, le=599)] = 503
    code: str = ""
    """The error code; empty for the usual one of the status."""
    retry_after: Seconds = 0
    delay: Seconds = 1.0
    """Of `slow`, `late` and `drip`."""


class Scenario(_Section):
    """The scenario of one operator."""

    seed: Count = 1
    errors: Literal["camara", "fastapi"] = "camara"
    """`fastapi`: `{"detail": [...]}` with 422 for what is malformed, as Nokia's gateway has it."""
    known_devices: Literal["all", "listed"] = "all"
    creation: Creation = field(default_factory=Creation)
    deletion: Deletion = field(default_factory=Deletion)
    list: Listing = field(default_factory=Listing)
    limits: Limits = field(default_factory=Limits)
    notifications: Notifications = field(default_factory=Notifications)
    authentication: Authentication = field(default_factory=Authentication)
    client: tuple[Client, ...] = field(default_factory=lambda: (Client(),))
    device: tuple[Device, ...] = ()
    fault: tuple[Fault, ...] = ()


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises `ScenarioError`."""
    return read(path, Scenario)
