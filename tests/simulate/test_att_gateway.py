"""`receiver simulate gateway`: tokens, Get SMS in both signatures, and where every message is."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from receiver.simulate.att_gateway.scenario import Gateway, Online, Scenario
from tests.support.att_gateways import (
    GSMA_INBOX,
    INBOX,
    REGISTRATION,
    SimulatedGateway,
    gateway,
    texts,
)
from tests.support.eventually import eventually
from tests.support.operators import listening


def test_a_message_is_read_once_in_att_s_documented_shape(double: SimulatedGateway) -> None:
    double.control("mo", text="Hello", sender="tel:4257850159")
    assert double.read().json() == {
        "InboundSmsMessageList": {
            "InboundSmsMessage": [
                {"MessageId": "msg0", "Message": "Hello", "SenderAddress": "tel:4257850159"}
            ],
            "NumberOfMessagesInThisBatch": "1",
            "ResourceUrl": f"{double.url}{INBOX}",
            "TotalNumberOfPendingMessages": "0",
        }
    }
    empty = double.read().json()["InboundSmsMessageList"]
    assert (empty["InboundSmsMessage"], empty["NumberOfMessagesInThisBatch"]) == ([], "0")
    assert double.inbox() == {"accepted": 1, "handed_whole": 1}


def test_gsma_s_signature_is_lower_camel_in_json_and_xml(double: SimulatedGateway) -> None:
    double.control("mo", text="Hi", sender="tel:+14257850159", count=2)
    one = double.read(GSMA_INBOX, params={"maxBatchSize": 1}).json()["inboundSMSMessageList"]
    assert one["inboundSMSMessage"] == [
        {"messageId": "msg0", "message": "Hi", "senderAddress": "tel:+14257850159"}
    ]
    assert one["totalNumberOfPendingMessages"] == "1"
    answer = double.read(GSMA_INBOX, headers={"accept": "application/xml"})
    assert answer.text == (
        "<inboundSMSMessageList><inboundSMSMessage><messageId>msg0</messageId>"
        "<message>Hi</message><senderAddress>tel:+14257850159</senderAddress></inboundSMSMessage>"
        "<numberOfMessagesInThisBatch>1</numberOfMessagesInThisBatch>"
        f"<resourceURL>{double.url}{GSMA_INBOX}</resourceURL>"
        "<totalNumberOfPendingMessages>0</totalNumberOfPendingMessages></inboundSMSMessageList>"
    )


def test_gsma_s_own_clients_come_with_basic_and_their_own_paths(double: SimulatedGateway) -> None:
    double.control("mo")
    path = f"/RetrieveSMSService/1/smsmessaging/inbound/registrations/{REGISTRATION}/messages"
    basic = httpx2.BasicAuth("simulated-client", "simulated-secret")
    answer = double.http.get(path, auth=basic)
    assert answer.json()["inboundSMSMessageList"]["numberOfMessagesInThisBatch"] == "1"
    wrong = httpx2.BasicAuth("simulated-client", "wrong")
    assert double.http.get(path, auth=wrong).status_code == 401


def test_pages_say_how_many_are_left(double: SimulatedGateway) -> None:
    double.control("mo", count=120)
    pages = [double.read() for _ in range(4)]
    assert [len(texts(page)) for page in pages] == [50, 50, 20, 0]
    pending = [
        page.json()["InboundSmsMessageList"]["TotalNumberOfPendingMessages"] for page in pages
    ]
    assert pending == ["70", "20", "0", "0"]
    assert len({text for page in pages for text in texts(page)}) == 120


def test_what_nobody_reads_for_thirty_minutes_is_gone(double: SimulatedGateway) -> None:
    double.control("mo", count=2)
    double.control("clock", ahead=29)
    double.control("mo")
    double.control("clock", ahead=31)
    assert len(texts(double.read())) == 1
    assert double.inbox() == {"accepted": 3, "expired": 2, "handed_whole": 1}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "POL0001"),
        ({"authorization": "Bearer unknown"}, 401, "POL0001"),
        ({"authorization": "Basic bad"}, 401, "POL0001"),
    ],
)
def test_without_a_good_token_nothing_is_removed(
    double: SimulatedGateway, headers: dict[str, str], status: int, code: str
) -> None:
    double.control("mo")
    answer = double.http.get(INBOX, headers=headers)
    assert answer.status_code == status
    assert answer.json()["RequestError"]["PolicyException"]["MessageId"] == code
    assert ("www-authenticate" in answer.headers) == (status == 401)
    gsma = double.http.get(GSMA_INBOX, headers=headers)
    assert gsma.json()["requestError"]["policyException"]["messageId"] == code
    xml = double.http.get(INBOX, headers=headers | {"accept": "application/xml"})
    assert xml.text.startswith("<RequestError><PolicyException><MessageId>POL0001</MessageId>")
    assert double.inbox() == {"accepted": 1, "waiting": 1}


def test_a_token_for_something_else_and_one_that_ended_are_refused(
    double: SimulatedGateway,
) -> None:
    other = double.http.get(INBOX, headers=double.token(scope="MMS"))
    assert (other.status_code, other.json()["RequestError"]["PolicyException"]["MessageId"]) == (
        403,
        "POL0001",
    )
    assert double.http.get(INBOX, headers=double.token(expires_in=-1)).status_code == 401


def test_reading_too_often_is_refused_but_the_next_page_is_not() -> None:
    with gateway(Scenario(gateway=Gateway(min_interval=60, page_size=1))) as double:
        double.control("mo", count=2)
        assert [double.request("GET", INBOX).status_code for _ in range(3)] == [200, 200, 403]
        double.control("clock", ahead=61)
        assert double.request("GET", INBOX).status_code == 200


def test_two_clients_at_once_get_each_message_once(double: SimulatedGateway) -> None:
    double.control("mo", count=1000)
    headers, begin = double.token(), threading.Barrier(2)

    def drain(_number: int) -> list[str]:
        begin.wait()
        found: list[str] = []
        with httpx2.Client(base_url=double.url, trust_env=False) as http:
            while page := texts(http.get(INBOX, headers=headers)):
                found += page
        return found

    with ThreadPoolExecutor(2) as pool:
        both = [text for found in pool.map(drain, range(2)) for text in found]
    assert (len(both), len(set(both))) == (1000, 1000)
    assert double.verdict(both)["faults"] == []


def test_an_online_short_code_is_pushed_and_cannot_be_polled() -> None:
    with listening() as sink:
        online = Online(registration="52345678", mo=sink.url)
        with gateway(Scenario(online=(online,))) as double:
            double.control("mo", registration="52345678", text="Hello world", sender="tel:+1207")
            answer = double.request("GET", "/sms/v3/messaging/inbox/52345678")
            assert (answer.status_code, _code(answer)) == (400, "SVC0002")
            eventually(lambda: sink.events)
    [event] = sink.events
    assert {k: v for k, v in event.items() if k != "DateTime"} == {
        "MessageId": "",
        "Message": "Hello world",
        "SenderAddress": "tel:+1207",
        "DestinationAddress": "52345678",
    }
    assert re.fullmatch(r"\d\d-\d\d-\d{4}T\d\d:\d\d:\d\d", event["DateTime"])


def test_a_head_request_removes_nothing(double: SimulatedGateway) -> None:
    double.control("mo")
    assert double.request("HEAD", INBOX).status_code == 405
    assert double.inbox() == {"accepted": 1, "waiting": 1}


def _code(answer: httpx2.Response) -> str:
    return str(answer.json()["RequestError"]["ServiceException"]["MessageId"])
