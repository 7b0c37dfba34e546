"""Admits a request to an API: by access token and its scope, or by Basic authentication."""

from collections.abc import Mapping
from typing import Final

from receiver.simulate.att_gateway.errors import Refused
from receiver.simulate.att_gateway.oauth.tokens import Token, Tokens
from receiver.simulate.att_gateway.scenario import Scenario
from receiver.simulate.token_endpoint import basic

_ALL: Final = frozenset({"SMS"})


def admit(headers: Mapping[str, str], scope: str, scenario: Scenario, tokens: Tokens) -> Token:
    """Return the token of a request. Raises `Refused`.

    Without the header 400, with a bad token 401 (SMS API, Get SMS, "Authorization"), without the
    scope 403.
    """
    header = headers.get("authorization", "")
    if not header:
        raise Refused(400, "POL0001", "Authorization")
    scheme, _, value = header.partition(" ")
    found: Token | None = None
    if scheme.lower() == "bearer":
        found = tokens.find(value.strip())
    elif scenario.gateway.basic:
        pair = basic(header)
        client = tokens.client(*pair) if pair else None
        found = Token(client.id, None, _ALL) if client else None
    if found is None:
        raise Refused(401, "POL0001", "Authorization")
    if scenario.gateway.check_scopes and scope and scope not in found.scopes:
        raise Refused(403, "POL0001", "scope")
    return found
