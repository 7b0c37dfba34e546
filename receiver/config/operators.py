"""The operators of `receiver.toml`: where their APIs are, and who we are there.

Secrets are not in the file: it names environment variables, and only the controllers need their
values.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from receiver.runtime.loopback import is_loopback

Name = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}\Z")]
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
"""Matches the name of an environment variable."""
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+").fullmatch


class HeadersAuth(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="headers"
):
    """The same headers on every request, as at Nokia."""

    headers_env: dict[str, str]
    """Header -> name of the environment variable with its value."""


class ClientCredentialsAuth(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="client_credentials",
):
    """OAuth 2.0 client credentials (RFC 6749, 4.4), as at AT&T and Orange."""

    token_url: str
    client_id: str
    method: Literal["client_secret_basic", "client_secret_post", "private_key_jwt"] = (
        "client_secret_basic"
    )
    secret_env: str = ""
    """Name of the environment variable with the client's secret."""
    key_env: str = ""
    """Name of the one with its private key, PEM or JWK, for `private_key_jwt`."""
    key_id: str = ""
    audience: str = ""
    """Of the signed assertion; empty for the token URL."""
    scope: str = ""
    """As it is to be sent."""


class Operator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operator: base URLs per API as it gives them, with the version at the end."""

    name: Name
    reachability: str = ""
    """Of `device-reachability-status-subscriptions`, or 0.5's `device-status`."""
    roaming: str = ""
    """Of `device-roaming-status-subscriptions`, or 0.5's `device-status`."""
    status: str = ""
    """Of the queries: `device-reachability-status`, or AT&T's `device-status`."""
    roaming_status: str = ""
    """Of `device-roaming-status`."""
    auth: HeadersAuth | ClientCredentialsAuth
    rate: Annotated[float, Meta(gt=0, le=1000)] = 5
    """Requests a second."""
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 4
    max_days: Annotated[float, Meta(gt=0, le=3660)] | None = None
    """The longest life it gives a subscription; None: any."""
    renewal: Literal["overlap", "replace"] = "overlap"
    """Whether the successor is created before or after its predecessor is deleted."""
    sink_tag: bool = True
    """Whether `?s=<attempt>` may stand behind our URL; some operators want registered URLs."""

    def base(self, event_type: str) -> str:
        """Return the base URL of the subscriptions to an event type; empty where it has none."""
        return self.roaming if "roaming-" in event_type.rpartition(".")[2] else self.reachability

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the environment variables that the operator's table names."""
        if isinstance(self.auth, HeadersAuth):
            return tuple(self.auth.headers_env.values())
        return tuple(filter(None, (self.auth.secret_env, self.auth.key_env)))


def variable_faults(operator: Operator, values: Mapping[str, str]) -> dict[str, str]:
    """Return variable -> what is wrong with it and what to do; never the value itself."""
    key = getattr(operator.auth, "key_env", "")  # PEM has lines
    found = {
        name: "is not set: set it for `receiver worker`"
        if not values.get(name)
        else unsendable(values[name]) * (name != key)
        for name in operator.variables
    }
    return {name: wrong for name, wrong in found.items() if wrong}


def unsendable(value: str) -> str:
    """Return why a client's id or secret cannot be meant; empty where it can."""
    if value.isprintable():
        return ""
    return "holds what no secret has, such as the end of a line: printable characters are wanted"


def url_fault(url: str, *, bare: bool = False) -> str:
    """Return what is wrong with a URL of an operator's, or of ours; empty where nothing is.

    https is wanted, http only to this machine. With `bare` there may be no query.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "a URL such as https://api.example.com is wanted"
    if not url.isascii() or not url.isprintable() or " " in url or not host:
        return "a URL such as https://api.example.com is wanted"
    if parts.username is not None or parts.password is not None:
        return "a URL without user and password is wanted"
    if parts.fragment or (bare and parts.query):
        return "a URL without ? and # is wanted"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return "https is wanted (http only for this machine)"
    return ""


def faults(operator: Operator) -> Iterator[tuple[str, str]]:
    """Return what the types cannot check: the keys at fault and what to do."""
    for key in ("reachability", "roaming", "status", "roaming_status"):
        url = getattr(operator, key)
        if url and (wrong := url_fault(url, bare=True)):
            yield key, wrong
    if not (operator.reachability or operator.roaming or operator.status):
        yield "reachability", "add the base URL of its subscriptions: reachability or roaming"
    for wrong in _auth_faults(operator.auth):
        yield "auth", wrong
    if any(not VARIABLE(name) for name in operator.variables):
        yield "auth", "the name of an environment variable is wanted, never the value itself"


def _auth_faults(auth: HeadersAuth | ClientCredentialsAuth) -> Iterator[str]:
    if isinstance(auth, HeadersAuth):
        if not (auth.headers_env and all(map(_HEADER, auth.headers_env))):
            yield "headers_env: names of headers are wanted, at least one"
        return
    if wrong := url_fault(auth.token_url):
        yield f"token_url: {wrong}"
    if not auth.client_id:
        yield "client_id: it is empty"
    needed = "key_env" if auth.method == "private_key_jwt" else "secret_env"
    if not getattr(auth, needed):
        yield f"{needed} is missing: the name of the environment variable for {auth.method}"
