"""Whatever comes to a simulated gateway, it answers as AT&T would: never with a 500."""

from typing import Any

import pytest

from tests.support.att_gateways import GSMA_INBOX, INBOX, MESSAGES, OUTBOX, SimulatedGateway

DEEP = b'{"outboundSMSRequest": {"message": "x", "address": ' + b"[" * 400 + b"]" * 400 + b"}}"
MANY = "9" * 5000


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", GSMA_INBOX, {"params": {"maxBatchSize": MANY}}),
        ("GET", GSMA_INBOX, {"params": {"maxBatchSize": "\u00b2"}}),
        ("GET", f"{INBOX}%00%ff", {}),
        ("POST", OUTBOX, {"content": DEEP}),
        ("POST", OUTBOX, {"json": {"outboundSMSRequest": {"address": {}, "message": {}}}}),
        ("POST", OUTBOX, {"content": b"\xff", "headers": {"content-type": "application/xml"}}),
        ("GET", MESSAGES, {"params": {"limit": MANY}}),
        ("GET", MESSAGES, {"params": {"offset": "-1"}}),
        ("GET", f"{MESSAGES}/WU1/parts/{MANY}", {}),
        ("GET", "/myMessages/v2/delta", {"params": {"state": f"0:{MANY}+/=&"}}),
        ("PUT", MESSAGES, {"json": {"messages": [{"messageId": []}]}}),
        ("PUT", MESSAGES, {"json": {"messages": {}}}),
        ("PUT", f"{MESSAGES}/WU1", {"json": {"message": {"isUnread": []}}}),
        ("POST", MESSAGES, {"content": b"--", "headers": {"content-type": "multipart/x"}}),
        ("POST", MESSAGES, {"json": {"messageRequest": {"addresses": [[]], "text": 1}}}),
        ("POST", "/notification/v1/channels", {"json": {"channel": []}}),
        ("POST", "/oauth/v4/token", {"content": b"\xff=&&=%ff"}),
        ("POST", "/oauth/v4/revoke", {"content": b"[]"}),
        ("GET", "/oauth/v4/authorize?client_id=simulated-client&redirect_uri=http://[", {}),
        ("GET", "/nowhere", {}),
    ],
)
def test_a_hostile_request_gets_an_answer(
    double: SimulatedGateway, method: str, path: str, more: dict[str, Any]
) -> None:
    double.control("mailbox", add=[{"text": "x"}])
    double.request("POST", f"{MESSAGES}/index")
    answer = double.request(method, path, **more)
    assert answer.status_code in (200, 400, 401, 404), answer.text
