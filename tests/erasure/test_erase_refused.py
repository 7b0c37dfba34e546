"""`receiver erase` finds a person in refused requests too, however the number was written there."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.contract.records import DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, INBOUND, REJECTED
from receiver.erasure.erase import Eraser
from receiver.erasure.person import Person
from tests.support.erasing import everything, message, work
from tests.support.valkey import Valkey

HER = "+12065550100"


def refuse(client: Any, body: bytes, kind: str = "application/json", status: int = 403) -> None:
    headers = [("content-type", kind)] if kind else []
    one = Refusal("att.sms.mo", "default", "r", 1, status, "no", headers, body)
    client.xadd(REJECTED, {"r": encode(one)})


HIS = "+12065550199"


def coded(number: str) -> bytes:
    return json.dumps({"Message": f"call {number[1:]}".encode("utf-16-be").hex()}).encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (lambda n: b'{"SenderAddress":"tel:%b","Message":"hi"}' % n[2:], "application/json"),
        (lambda n: b'{"address":["tel:(206) 555-%b"],"messageid":1}' % n[-4:], ""),
        (lambda n: b'{"SenderAddress":%b}' % n[2:], "application/json"),
        (lambda n: b'{"SenderAddress":%.10e}' % int(n), "application/json"),
        (lambda n: b"SenderAddress=tel%%3A%b" % n[2:], "application/x-www-form-urlencoded"),
        (lambda n: b"<m><senderAddress>206-555-%b</senderAddress></m>" % n[-4:], "text/xml"),
        (lambda n: f'{{"SenderAddress":"{n.decode()}"}}'.encode("utf-16"), "application/json"),
        (lambda n: f'{{"SenderAddress":"{n.decode()}"'.encode("utf-16"), "application/json"),
        (lambda n: b'{"Message":"\\u00a0%b"}' % n[1:], "application/json"),
        (lambda n: coded(n.decode()), "application/json"),
        (lambda n: b'{"%b":true}' % n[2:], "application/json"),
        (lambda n: b'{"SenderAddress":"tel:%b","Message":"h' % n[2:], "application/json"),
    ],
    ids=[
        *("national", "in a list", "number", "double", "form", "xml", "utf-16", "cut utf-16"),
        *("escape", "hexadecimal", "name", "cut"),
    ],
)
def test_a_refused_request_is_about_her_however_it_was_written(
    valkey: Valkey, body: Callable[[bytes], bytes], kind: str
) -> None:
    client: Any = valkey.client()
    refuse(client, body(HER.encode()), kind)
    refuse(client, body(HIS.encode()), kind)
    report = Eraser(client, Person((HER,), Settings()), (), open_seconds=0.5).run()
    assert (report.erased, report.complete) == ({"rejected": 1}, True)
    ((_, left),) = client.xrange(REJECTED)
    assert body(HIS.encode()) in left[b"r"]


@pytest.mark.parametrize("kept", ["2065550100", "12065550100".ljust(50, ";"), HER])
def test_a_header_that_was_kept_is_about_her_whatever_stands_beside_it(
    valkey: Valkey, kept: str
) -> None:
    client: Any = valkey.client()
    for headers in ((("x-msisdn", kept),), (("x-msisdn", HIS),)):
        came = ("att.sms.mo", "default", "r", 1)
        one = Notification(*came, "", message(HIS), headers=headers, item=50)
        client.xadd(INBOUND, {"n": encode(one)})
        letter = DeadLetter(1, "no", encode(one))
        client.xadd(DEAD_LETTERS, {"d": encode(letter)})
        client.xadd(REJECTED, {"r": encode(Refusal(*came, 400, "no", [*headers], b"{}"))})
    work(client)
    report = Eraser(client, Person((HER,), Settings()), (), open_seconds=0.5).run()
    assert report.erased == {"notification": 1, "dead-letter": 1, "rejected": 1}
    assert kept.encode() not in everything(client)
