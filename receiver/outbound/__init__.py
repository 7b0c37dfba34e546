"""Control traffic: our own requests to operators and gateways, few and at a low rate.

`OperatorClient` is what the rest uses. Below it: `authentication` and `oauth` put credentials on a
request, `rate_limit` and `circuit` limit requests, `http_client` sends a request once, `answers`
holds its outcomes. Nothing here repeats a request that the other side may have carried out.
"""

from receiver.outbound.answers import Answer, NotSent, Resting, Unanswered
from receiver.outbound.authentication import FixedHeaders
from receiver.outbound.http_client import BadUrl, check_url
from receiver.outbound.oauth import ClientCredentials, OAuth, TokenRefused
from receiver.outbound.operator_client import Limits, OperatorClient

__all__ = [
    "Answer",
    "BadUrl",
    "ClientCredentials",
    "FixedHeaders",
    "Limits",
    "NotSent",
    "OAuth",
    "OperatorClient",
    "Resting",
    "TokenRefused",
    "Unanswered",
    "check_url",
]
