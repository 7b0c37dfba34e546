"""What goes wrong at a simulated gateway, as a plain client sees it; the verdict on a client."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from receiver.simulate.att_gateway.scenario import Fault, Faults, Gateway, Scenario
from tests.support.att_gateways import GSMA_INBOX, INBOX, SimulatedGateway, gateway, texts
from tests.support.eventually import eventually


@pytest.mark.parametrize(
    ("effect", "reset", "uncertain"), [("cut_fin", False, {}), ("cut_rst", True, {"uncertain": 1})]
)
def test_a_body_that_is_cut_has_some_messages_and_promises_more(
    double: SimulatedGateway, effect: str, reset: bool, uncertain: dict[str, int]
) -> None:
    double.control("mo", count=3, text="x" * 100)
    double.control("faults", effect=effect, route="inbox", at=0.5)
    received = double.raw()
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b"(reset)") is reset
    promised = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert len(body.removesuffix(b"(reset)")) == promised // 2
    counts = {"accepted": 3, "cut_inside": 1, "cut_beyond": 2}
    eventually(lambda: double.inbox() == counts | uncertain)
    assert body.count(b"}") == 1


def test_what_is_never_answered_is_gone(double: SimulatedGateway) -> None:
    double.control("mo", count=3)
    double.control("faults", effect="no_answer", route="inbox")
    assert double.raw() == b""
    assert double.inbox() == {"accepted": 3, "never_answered": 3}
    assert double.books()["requests"]["inbox 0"] == 1


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"effect": "unavailable", "retry_after": 7}, 503, "SVC0001"),
        ({"effect": "unauthorised"}, 401, "POL0001"),
        ({"effect": "throttled"}, 403, "POL0001"),
        ({"effect": "status", "status": 400, "code": "POL0002"}, 400, "POL0002"),
    ],
)
def test_a_refusal_removes_nothing(
    double: SimulatedGateway, fault: dict[str, Any], status: int, code: str
) -> None:
    double.control("mo")
    double.control("faults", route="inbox", **fault)
    answer = double.request("GET", INBOX)
    [error] = answer.json()["RequestError"].values()
    assert (answer.status_code, error["MessageId"]) == (status, code)
    assert answer.headers.get("retry-after") == ("7" if "retry_after" in fault else None)
    assert double.inbox() == {"accepted": 1, "waiting": 1}
    assert len(texts(double.read())) == 1


@pytest.mark.parametrize("effect", ["stall", "drip"])
def test_a_slow_body_comes_whole(double: SimulatedGateway, effect: str) -> None:
    double.control("mo", count=3)
    double.control("faults", effect=effect, route="inbox", seconds=0.3)
    begun = time.monotonic()
    assert len(texts(double.read())) == 3
    assert time.monotonic() - begun > 0.29
    assert double.inbox() == {"accepted": 3, "handed_whole": 3}


def test_a_slow_body_ends_with_the_server_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ThreadPoolExecutor(1) as pool, gateway() as double:
        double.control("mo", text="x" * 100)
        double.control("faults", effect="stall", route="inbox", seconds=300, at=0.5)
        reading = pool.submit(double.raw)
        eventually(lambda: double.inbox().get("under_way"))
    assert b"200" in reading.result()
    assert [record for record in caplog.records if record.exc_info] == []


def test_a_client_that_leaves_within_a_stall_has_what_came_before(
    double: SimulatedGateway,
) -> None:
    double.control("mo", count=2, text="x" * 100)
    double.control("faults", effect="stall", route="inbox", seconds=30, at=0.6)
    double.left()
    counts = {"accepted": 2, "cut_inside": 1, "cut_beyond": 1, "uncertain": 1}
    eventually(lambda: double.inbox() == counts)


SHAPED = [{"Message": "caf\u00e9 \u20ac \U0001f600 & <b>", "SenderAddress": "tel:1"}]


@pytest.mark.parametrize(
    ("shape", "seen"),
    [
        ("object", '"InboundSmsMessage":{"MessageId":"msg0"'),
        ("ints", '"NumberOfMessagesInThisBatch":1,'),
        ("ints", '"TotalNumberOfPendingMessages":0}'),
        ("empty", '"TotalNumberOfPendingMessages":""}'),
        ("lower_camel", '{"inboundSMSMessageList":{"inboundSMSMessage":[{"messageId":"msg0"'),
        ("xml", "<Message>caf\u00e9 \u20ac \U0001f600 &amp; &lt;b&gt;</Message>"),
        ("latin1", '"caf\u00e9 \\u20ac \\ud83d\\ude00 & <b>"'),
        ("bad_json", "},],"),
        ("null", '"TotalNumberOfPendingMessages":null}'),
        ("openapi", '"senderAddress":"tel:1","dateTime":"20'),
    ],
)
def test_a_page_can_have_another_shape(double: SimulatedGateway, shape: str, seen: str) -> None:
    double.control("mo", text=SHAPED[0]["Message"], sender="tel:1")
    double.control("faults", effect="shape", route="inbox", shape=shape)
    answer = double.read()
    body = answer.content.decode("latin-1" if shape == "latin1" else "utf-8")
    assert seen in body
    if shape not in ("xml", "bad_json"):
        found = json.dumps(json.loads(body))
        assert json.dumps(SHAPED[0]["Message"]) in found
    if shape == "bad_json":
        with pytest.raises(ValueError, match=r"Illegal trailing comma|Expecting"):
            json.loads(body)
    assert double.inbox() == {"accepted": 1, "handed_whole": 1}


def test_an_empty_page_can_be_null(double: SimulatedGateway) -> None:
    double.control("faults", effect="shape", route="inbox", shape="null")
    assert double.read().json()["InboundSmsMessageList"]["InboundSmsMessage"] is None


@pytest.mark.parametrize(("count", "said"), [(0, "2"), (2, "0")])
def test_the_pending_number_can_lie(count: int, said: str) -> None:
    with gateway(Scenario(gateway=Gateway(page_size=1))) as double:
        for _ in range(count):
            double.control("mo")
        double.control("faults", effect="pending_lies", route="inbox", times=0)
        found = double.read(GSMA_INBOX).json()["inboundSMSMessageList"]
        assert found["totalNumberOfPendingMessages"] == said


def test_shares_and_equal_texts_are_the_same_for_the_same_seed() -> None:
    faults = Faults(unavailable=0.3, unauthorised=0.2, shapes=0.5, same_text=0.3)

    def run(seed: int) -> list[bytes]:
        with gateway(Scenario(seed=seed, faults=faults)) as double:
            double.control("mo", count=40)
            double.control("settings", gateway={"page_size": 4})
            answers = [double.request("GET", INBOX) for _ in range(15)]
            url = double.url.encode()
            seen = [b"%d" % one.status_code + one.content.replace(url, b"") for one in answers]
            return [re.sub(rb'"dateTime":"[^"]*"', b"", one) for one in seen]

    first = run(7)
    assert first == run(7)
    assert first != run(8)
    assert {each[:3] for each in first} == {b"200", b"401", b"503"}


def test_an_order_has_a_number_and_a_beginning_and_can_be_withdrawn() -> None:
    fault = Fault(effect="unavailable", route="inbox", times=2, skip=1)
    with gateway(Scenario(fault=(fault,))) as double:
        statuses = [double.request("GET", INBOX).status_code for _ in range(4)]
        assert statuses == [200, 503, 503, 200]
        double.control("faults", effect="unavailable", times=0)
        assert double.request("GET", INBOX).status_code == 503
        double.control("clear-faults")
        assert double.request("GET", INBOX).status_code == 200


@pytest.mark.parametrize(
    ("route", "order"),
    [
        ("mo", {"count": 0}),
        ("mo", {"to": "x"}),
        ("faults", {"effect": "fire"}),
        ("clock", {"ahead": 1e300}),
        ("clock", {"ahead": -1e11}),
        ("status", {"id": "x", "status": "Lost"}),
        ("settings", {"gateway": {"minute": 0}}),
        ("settings", []),
        ("sent", {"address": []}),
        ("settings", {"gateway": {"token_life": 10**30}}),
        ("settings", {"messages": {"index_after": 1e300}}),
    ],
)
def test_a_wrong_order_is_answered_with_what_is_wanted(
    double: SimulatedGateway, route: str, order: Any
) -> None:
    answer = double.http.post(f"/_control/{route}", json=order)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]
    assert double.http.get("/_books").status_code == 200
