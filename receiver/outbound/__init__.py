"""Control traffic: our own requests to operators and gateways, few and at a low rate.

`OperatorClient` is what the rest uses for operators. Below it: `authentication`, `access_token` and
`oauth` put credentials on a request, `rate_limit` and `circuit` limit requests, `http_client` sends
a request once, `answers` holds its outcomes. Of AT&T's gateway, `att_oauth` has the access tokens
and `request_error` what an error asks for. Nothing here repeats a request that the other side may
have carried out.
"""

from receiver.outbound.access_token import AccessToken, Token, TokenRefused
from receiver.outbound.answers import Answer, NotSent, Resting, Unanswered, is_passing
from receiver.outbound.att_oauth import Grant, OAuthV4
from receiver.outbound.authentication import FixedHeaders
from receiver.outbound.http_client import BadUrl, check_url
from receiver.outbound.oauth import ClientCredentials, OAuth
from receiver.outbound.operator_client import Limits, OperatorClient
from receiver.outbound.request_error import Action, RequestError

__all__ = [
    "AccessToken",
    "Action",
    "Answer",
    "BadUrl",
    "ClientCredentials",
    "FixedHeaders",
    "Grant",
    "Limits",
    "NotSent",
    "OAuth",
    "OAuthV4",
    "OperatorClient",
    "RequestError",
    "Resting",
    "Token",
    "TokenRefused",
    "Unanswered",
    "check_url",
    "is_passing",
]
