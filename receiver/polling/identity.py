"""Who we are at a gateway, as a poll's settings say."""

import base64

from receiver.config.polls import GatewayPoll
from receiver.outbound.att_oauth import OAuthV4
from receiver.outbound.authentication import Authentication, FixedHeaders
from receiver.outbound.http_client import HttpClient

_SCOPE = "SMS"
"""Of messages and their statuses (AT&T SMS API v3)."""


def authentication(poll: GatewayPoll, values: dict[str, str], http: HttpClient) -> Authentication:
    """Return the credentials of a poll's requests; `values` are the environment variables that it
    names, all of which are set. Raises `ValueError` for one that cannot be sent.
    """
    client, secret = values[poll.client_id_env], values[poll.client_secret_env]
    if poll.auth == "basic":
        encoded = base64.b64encode(f"{client}:{secret}".encode()).decode()
        return FixedHeaders({"authorization": f"Basic {encoded}"})
    return OAuthV4(poll.tokens_from, client, secret, http).access_token(poll.scope or _SCOPE)
