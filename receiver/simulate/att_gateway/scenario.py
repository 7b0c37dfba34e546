"""The scenario file of a simulated gateway: its limits, its clients, and its faults.

A bad value raises `ScenarioError`: one line that names the file, the line and what is wanted.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from receiver.simulate.scenario import ScenarioError, read

Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Positive = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Whole = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Wire = Literal["cut_fin", "cut_rst", "no_answer", "stall", "drip"]
Effect = Literal[
    "cut_fin",
    "cut_rst",
    "no_answer",
    "stall",
    "drip",
    "unavailable",
    "unauthorised",
    "throttled",
    "status",
    "shape",
    "pending_lies",
]
Shape = Literal[
    "object", "null", "ints", "empty", "lower_camel", "xml", "latin1", "bad_json", "openapi"
]
Route = Literal["any", "token", "inbox", "status", "send", "index", "messages", "notification"]


class _Section(Struct, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class Gateway(_Section):
    """The gateway's limits."""

    minute: Positive = 1.0
    """Seconds that stand for a minute: after 30 minutes unread messages are removed."""
    token_life: Count = 172_800
    """Seconds an access token is valid; 0: for ever, and `expires_in` says 0."""
    refresh_life: Whole = 7_776_000
    """Seconds a refresh token is valid."""
    rotate_refresh: bool = True
    """Each refresh gives a new refresh token, and the old one is invalid."""
    expires_in_text: bool = False
    """`expires_in` is `"172800"` in place of 172800."""
    oauth_errors: Literal["oauth", "request_error"] = "oauth"
    """Errors of the token endpoint: `{"error": …}` (RFC 6749), or AT&T's `RequestError`."""
    check_scopes: bool = True
    """403 POL0001 for a token that lacks the scope of a route."""
    basic: bool = True
    """Take Basic authentication with a client's id and secret, as GSMA's OneAPI clients send it."""
    page_size: Whole = 50
    """Messages in one answer of Get SMS."""
    min_interval: Seconds = 0
    """Seconds between reads of one inbox, but for its next page; sooner is 403 POL0001."""


class Faults(_Section):
    """Shares of requests, or of messages, with a fault."""

    cut_fin: Share = 0
    """The body ends too early: Content-Length promises more."""
    cut_rst: Share = 0
    """The same, and the connection is reset."""
    no_answer: Share = 0
    """The messages are removed, and the connection ends without a byte."""
    stall: Share = 0
    """Within the body nothing comes for `stall_seconds`."""
    drip: Share = 0
    """The body comes in small pieces over `drip_seconds`."""
    unavailable: Share = 0
    """503, and nothing is removed."""
    unauthorised: Share = 0
    """401, and nothing is removed."""
    shapes: Share = 0
    """Another shape of the same page: see `Shape`."""
    pending_lies: Share = 0
    """The number of pending messages is wrong: 0 where there are more, 2 where there are none."""
    same_text: Share = 0
    """Generated messages with sender and text of the one before."""
    stall_seconds: Seconds = 2.0
    drip_seconds: Seconds = 1.0


class Sms(_Section):
    """Sent messages and their delivery statuses."""

    final_after: Seconds = 1.0
    """Seconds after sending until the status is final; DeliveredToNetwork before."""
    impossible: Share = 0
    """Recipients whose final status is DeliveryImpossible."""
    refuse_receipts: bool = False
    """400 SVC0283 for notifyDeliveryStatus, as where no listener is registered."""


class Messages(_Section):
    """In-App Messaging."""

    form: Literal["att", "openapi"] = "att"
    """The shapes of AT&T's SDKs, or those of the published OpenAPI reconstruction."""
    index_after: Seconds = 0
    """Seconds during which a new index is INITIALIZING."""
    require_consent: bool = False
    """403 POL0002 for a token that no subscriber has consented to."""
    listener: str = ""
    """The URL to which subscribed notifications are posted; empty for none."""


class Client(_Section):
    """An app account: one client of the token endpoint, with one In-App mailbox."""

    id: str = "simulated-client"
    secret: str = "simulated-secret"  # noqa: S105 - made up, and printed at the start
    redirect_uri: str = ""
    """Where `authorize` redirects; empty for whatever the request names."""
    subscriber: str = "+12065550100"
    """The phone number of the subscriber who consents."""


class Online(_Section):
    """An online short code: its messages and statuses are posted and cannot be polled."""

    registration: str
    mo: str = ""
    """The URL of the listener for messages."""
    delivery_status: str = ""
    """The URL of the listener for statuses of messages sent with notifyDeliveryStatus."""


class Fault(_Section):
    """A fault on order: of requests of one route, so many times."""

    effect: Effect
    route: Route = "any"
    times: Count = 1
    """How often; 0 for ever."""
    skip: Count = 0
    """Requests that go well before it begins."""
    share: Share = 1.0
    """Of the requests it could hit."""
    at: Share | None = None
    """The share of the body that is sent before a cut or a stall; absent: random."""
    seconds: Seconds | None = None
    """Of `stall` and `drip`; absent: as in the scenario."""
    status: Annotated[int, Meta(ge=400, le=599)] = 503
    """Of `status` and `unavailable`."""
    code: str = ""
    """The code in the body, such as SVC0001; empty for the usual one."""
    retry_after: Count = 0
    """Seconds; 0 sends no Retry-After."""
    shape: Shape | None = None
    """Of `shape`; absent: random."""


class Scenario(_Section):
    """The scenario of one gateway."""

    seed: Count = 1
    gateway: Gateway = field(default_factory=Gateway)
    faults: Faults = field(default_factory=Faults)
    sms: Sms = field(default_factory=Sms)
    messages: Messages = field(default_factory=Messages)
    client: tuple[Client, ...] = field(default_factory=lambda: (Client(),))
    online: tuple[Online, ...] = ()
    fault: tuple[Fault, ...] = ()


WIRE: Final[tuple[Wire, ...]] = ("cut_fin", "cut_rst", "no_answer", "stall", "drip")


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises `ScenarioError`."""
    found = read(path, Scenario)
    _check(path, found)
    return found


def _check(path: Path, scenario: Scenario) -> None:
    shares = scenario.faults
    one_of = (*WIRE, "unavailable", "unauthorised")
    if sum(getattr(shares, name) for name in one_of) > 1:
        raise ScenarioError(f"{path}: faults: {', '.join(one_of)} are more than 1 together")
    if not scenario.client:
        raise ScenarioError(f"{path}: client: at least one is wanted")
