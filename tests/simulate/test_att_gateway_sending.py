"""Send SMS and Get SMS Delivery Status at a simulated gateway, in both signatures."""

import re
from typing import Any

import httpx2
import pytest

from receiver.simulate.att_gateway.scenario import Online, Scenario, Sms
from tests.support.att_gateways import OUTBOX, SimulatedGateway, gateway
from tests.support.eventually import eventually
from tests.support.operators import listening

GSMA_SEND = "/3/smsmessaging/outbound/80071200/requests"
TWO = ["tel:+13500000992", "tel:+13500000993"]


def send(double: SimulatedGateway, path: str = OUTBOX, **fields: Any) -> httpx2.Response:
    request = {"address": TWO[0], "message": "Hello World"} | fields
    return double.request("POST", path, json={"outboundSMSRequest": request})


def message_id(answer: httpx2.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json()["outboundSMSResponse"]["messageId"])


def test_a_sent_message_has_an_id_that_can_be_polled(double: SimulatedGateway) -> None:
    answer = send(double)
    name = message_id(answer)
    assert re.fullmatch(r"SMS[0-9a-f]{16}", name)
    url = f"{double.url}{OUTBOX}/{name}"
    assert answer.json() == {
        "outboundSMSResponse": {"messageId": name, "resourceReference": {"resourceURL": url}}
    }
    assert double.request("GET", f"{OUTBOX}/{name}").json() == {
        "DeliveryInfoList": {
            "DeliveryInfo": [
                {"Id": "msg0", "Address": "+13500000992", "DeliveryStatus": "DeliveredToNetwork"}
            ],
            "ResourceUrl": url,
        }
    }


def test_a_final_status_is_answered_once(double: SimulatedGateway) -> None:
    path = f"{OUTBOX}/{message_id(send(double, address=TWO))}"
    assert double.request("GET", path).status_code == 200
    double.control("clock", ahead=2)
    found = double.request("GET", path).json()["DeliveryInfoList"]["DeliveryInfo"]
    assert [(each["Id"], each["Address"], each["DeliveryStatus"]) for each in found] == [
        ("msg0", "+13500000992", "DeliveredToTerminal"),
        ("msg1", "+13500000993", "DeliveredToTerminal"),
    ]
    gone = double.request("GET", path)
    assert gone.status_code == 400
    assert gone.json()["RequestError"]["ServiceException"] == {
        "MessageId": "SVC0002",
        "Text": "Invalid input value for message part %1",
        "Variables": "MessageId",
    }
    assert double.books()["statuses"]["taken"] == 1


def test_a_final_status_is_dropped_after_thirty_minutes(double: SimulatedGateway) -> None:
    path = f"{OUTBOX}/{message_id(send(double))}"
    double.control("clock", ahead=32)
    assert double.request("GET", path).status_code == 400
    assert double.books()["statuses"]["dropped"] == 1


def test_a_final_status_that_was_cut_is_gone_too(double: SimulatedGateway) -> None:
    name = message_id(send(double))
    double.control("status", id=name, status="DeliveryImpossible")
    double.control("faults", effect="cut_fin", route="status")
    assert b"DeliveryImpossible" not in double.raw(f"{OUTBOX}/{name}")
    assert double.request("GET", f"{OUTBOX}/{name}").status_code == 400
    [page] = double.books()["pages"]
    assert (page["route"], page["subject"], page["end"], page["complete"]) == (
        "status",
        name,
        "fin",
        0,
    )


def test_gsma_s_signature_names_the_sender_in_the_path(double: SimulatedGateway) -> None:
    answer = send(double, GSMA_SEND, address=TWO[:1])
    name = message_id(answer)
    path = f"/3/smsmessaging/outbound/requests/80071200/{name}/deliveryInfos"
    reference = answer.json()["outboundSMSResponse"]["resourceReference"]
    assert reference == {"resourceURL": f"{double.url}{path}"}
    double.control("status", id=name, status="DeliveredToTerminal")
    assert double.request("GET", path).json() == {
        "deliveryInfoList": {
            "deliveryInfo": [{"address": TWO[0], "deliveryStatus": "DeliveredToTerminal"}],
            "resourceURL": f"{double.url}{path}",
        }
    }


def test_gsma_s_own_clients_have_their_own_paths_and_forms(double: SimulatedGateway) -> None:
    basic = httpx2.BasicAuth("simulated-client", "simulated-secret")
    root = "/SendSMSService/1/smsmessaging/outbound/tel%3A%2B80071200/requests"
    form = {"address": TWO, "message": "Hi", "clientCorrelator": "1"}
    sent = double.http.post(root, data=form, auth=basic)
    where = sent.json()["resourceReference"]["resourceURL"]
    assert sent.headers["location"] == where
    name = message_id(sent)
    path = f"/QuerySMSService/1/smsmessaging/outbound/tel%3A%2B80071200/requests/{name}"
    found = double.http.get(f"{path}/deliveryInfos", auth=basic).json()["deliveryInfoList"]
    assert [each["address"] for each in found["deliveryInfo"]] == TWO


def test_forms_and_xml_are_taken_and_answered(double: SimulatedGateway) -> None:
    form = {"address": ",".join(TWO), "message": "Hello World"}
    assert message_id(double.request("POST", OUTBOX, data=form))
    body = (
        "<outboundSMSRequest><address>tel:+13500000992,tel:+13500000993</address>"
        "<message>Hello &amp; World</message>"
        "<notifyDeliveryStatus>True</notifyDeliveryStatus></outboundSMSRequest>"
    )
    xml = {"content-type": "application/xml", "accept": "application/xml"}
    answer = double.request("POST", OUTBOX, content=body, headers=xml)
    assert re.fullmatch(r'<outboundSMSResponse messageId="0x[0-9A-F]{26}L"/>', answer.text)
    assert [len(each["statuses"]) for each in double.books()["sent"]] == [2, 2]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"address": []}, 400, "SVC0004"),
        ({"address": "somebody"}, 400, "SVC0004"),
        ({"address": [f"tel:+1350000{n:04d}" for n in range(11)]}, 403, "POL0003"),
        ({"address": [TWO[0], TWO[0]]}, 403, "POL0013"),
        ({"message": ""}, 400, "SVC0002"),
        ({"message": "x" * 4097}, 400, "SVC0002"),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused(
    double: SimulatedGateway, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = send(double, **fields)
    [error] = answer.json()["RequestError"].values()
    assert (answer.status_code, error["MessageId"]) == (status, code)
    gsma = send(double, GSMA_SEND, **fields).json()["requestError"]
    assert [each["messageId"] for each in gsma.values()] == [code]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"x": 1}', b'{"outboundSMSRequest": []}'])
def test_a_body_that_is_no_request_is_refused(double: SimulatedGateway, body: bytes) -> None:
    answer = double.request("POST", OUTBOX, content=body)
    assert (answer.status_code, double.books()["statuses"]["sent"]) == (400, 0)


def test_statuses_that_were_asked_for_are_posted_and_cannot_be_polled() -> None:
    with listening() as sink:
        online = Online(registration="80071200", delivery_status=sink.url)
        with gateway(Scenario(online=(online,), sms=Sms(final_after=0, impossible=1))) as double:
            answer = send(double, GSMA_SEND, address=TWO, notifyDeliveryStatus=True)
            name = message_id(answer)
            assert answer.json() == {"outboundSMSResponse": {"messageId": name}}
            assert re.fullmatch(r"0x[0-9A-F]{26}L", name)
            assert double.request("GET", f"{OUTBOX}/{name}").status_code == 400
            eventually(lambda: len(sink.events) == 2)
    for address in TWO:
        assert posted(address, name, "DeliveryImpossible") in sink.events


def posted(address: str, name: str, status: str) -> dict[str, Any]:
    info = {"address": address, "deliveryStatus": status}
    return {"deliveryInfoNotification": {"messageId": name, "deliveryInfo": info}}


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_status_that_a_test_sets_is_posted_once_it_is_final_and_once(elsewhere: bool) -> None:
    with listening() as sink:
        online = Online(registration="80071200", delivery_status=sink.url)
        with gateway(Scenario(online=(online,), sms=Sms(final_after=3600))) as double:
            if elsewhere:
                name = double.control("sent", address=TWO, notify=True)["id"]
            else:
                name = message_id(send(double, GSMA_SEND, address=TWO, notifyDeliveryStatus=True))
            double.control("status", id=name, address=TWO[0], status="DeliveryImpossible")
            eventually(lambda: sink.events)
            double.control("status", id=name, address=TWO[1], status="DeliveredToNetwork")
            double.control("clock", ahead=7200)
            double.control("status", id=name, address=TWO[1], status="DeliveredToTerminal")
            eventually(lambda: len(sink.events) > 1)
    assert sink.events == [
        posted(TWO[0], name, "DeliveryImpossible"),
        posted(TWO[1], name, "DeliveredToTerminal"),
    ]


def test_receipts_can_be_refused() -> None:
    with gateway(Scenario(sms=Sms(refuse_receipts=True))) as double:
        answer = send(double, notifyDeliveryStatus=True)
        assert answer.json()["RequestError"]["ServiceException"]["MessageId"] == "SVC0283"


def test_a_message_that_somebody_else_sent_can_be_watched(double: SimulatedGateway) -> None:
    name = double.control("sent", address=TWO)["id"]
    path = f"{OUTBOX}/{name}"
    double.control("status", id=name, address=TWO[0], status="DeliveryImpossible")
    double.control("faults", effect="shape", route="status", shape="null")
    assert double.request("GET", path).json()["DeliveryInfoList"]["DeliveryInfo"] is None
    found = double.request("GET", path).json()["DeliveryInfoList"]["DeliveryInfo"]
    statuses = [each["DeliveryStatus"] for each in found]
    assert statuses == ["DeliveryImpossible", "DeliveredToNetwork"]
    assert double.request("GET", path).status_code == 200
