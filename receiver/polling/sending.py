"""Send SMS, once: for `receiver selftest`, never for traffic.

`{"outboundSMSRequest": {"address", "message", "notifyDeliveryStatus"}}`, the same in both
signatures; OneAPI's path names the sender. Sending is not idempotent: nothing here is sent again
once a byte of it may have left. Number and text stand in the body only.
"""

from typing import Any, Final
from urllib.parse import quote

import msgspec

from receiver.carriers.att.outbox import message_id
from receiver.config.polls import AttStatusPoll
from receiver.outbound import Answer
from receiver.outbound.authentication import Authentication
from receiver.outbound.http_client import HttpClient
from receiver.outbound.request_error import read

_JSON: Final = {"content-type": "application/json"}


class SendingRefused(Exception):
    """The gateway has not taken the message; says how it answered, not what it said."""


def request_body(to: str, text: str) -> bytes:
    """Return the body of a request for one recipient. The status is to be asked for, not pushed."""
    address = to if to.startswith("tel:") else f"tel:{to}"
    request = {"address": address, "message": text, "notifyDeliveryStatus": False}
    return msgspec.json.encode({"outboundSMSRequest": request})


async def send(
    poll: AttStatusPoll, authentication: Authentication, http: HttpClient, body: bytes
) -> str:
    """Send a message, once, and return its message id. Raises `NotSent` where no byte has left,
    `Unanswered` where it may have been sent, and `SendingRefused`.
    """
    path = poll.send_template.format(sender=quote(poll.sender, safe=""))
    headers = _JSON | await authentication.headers()
    url = poll.base_url.rstrip("/") + path
    answer = await http.send("POST", url, headers=headers, content=body)
    if not 200 <= answer.status < 300:
        error = read(answer)
        raise SendingRefused(
            f"the gateway answered {error} and has not taken the message ({error.action.value})"
        )
    return _message_id(answer)


def _message_id(answer: Answer) -> str:
    response = _member(answer.document, "outboundsmsresponse")
    url = _member(_member(response, "resourcereference"), "resourceurl")
    found = _member(response, "messageid")
    name = (
        found
        if isinstance(found, str) and found
        else message_id(url if isinstance(url, str) else "")
    )
    if not name:
        raise SendingRefused("it has taken the message, and its answer has no message id")
    return name


def _member(value: Any, name: str) -> Any:
    """Return an object's member, its name in any case; None where there is none."""
    if not isinstance(value, dict):
        return None
    return next((inner for key, inner in value.items() if key.lower() == name), None)
