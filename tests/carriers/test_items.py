"""What the events of one body with several items have of it."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Event, Rejected, Request
from receiver.contract.records import Notification

BY_NAME = {callback.name: callback for callback in CALLBACKS}
STATUS, MESSAGE = "att.sms.delivery-status", "att.sms.mo"


def events(callback: str, body: bytes) -> list[Event]:
    assert BY_NAME[callback].read(Request("", (), body)).accepted == (body,)
    notification = Notification(callback, "default", "r", 0, "", body)
    return BY_NAME[callback].normalise(notification, ZoneInfo("UTC"))


def raw(event: Event) -> Any:
    return msgspec.json.decode(msgspec.json.encode(event.raw))


def status(address: str) -> dict[str, str]:
    return {"address": f"tel:+1206555{address}", "deliveryStatus": "DeliveredToTerminal"}


def notification(infos: Any, message: str = "m-1") -> bytes:
    inner = {"messageId": message, "deliveryInfo": infos}
    return json.dumps({"deliveryInfoNotification": inner}).encode()


def test_each_of_several_has_its_own_item_as_it_stands_in_the_body() -> None:
    infos = [status("0001"), {**status("0002"), "Note": "x"}, status("0003")]
    found = events(STATUS, notification(infos))
    assert [raw(event) for event in found] == infos
    assert [event.item for event in found] == [(1, 3), (2, 3), (3, 3)]
    assert {event.data["messageId"] for event in found} == {"m-1"}


@pytest.mark.parametrize("infos", [status("0001"), [status("0001")]])
def test_the_only_item_has_the_whole_body(infos: Any) -> None:
    (event,) = events(STATUS, body := notification(infos))
    assert (raw(event), event.item) == (json.loads(body), None)


def test_the_only_good_one_of_several_has_nothing_of_the_others() -> None:
    infos = [{"Address": "tel:2065550100", "DeliveryStatus": []}, status("0002")]
    (event,) = events(STATUS, notification(infos))
    assert (raw(event), event.item) == (infos[1], None)


def test_each_of_several_addresses_has_its_own() -> None:
    addresses = ["tel:+12065550001", "tel:+12065550002"]
    body = {"MessageId": "m-1", "Address": addresses, "DeliveryStatus": "DeliveredToTerminal"}
    assert [raw(event) for event in events(STATUS, json.dumps(body).encode())] == [
        {**body, "Address": one} for one in addresses
    ]


def test_an_item_of_an_xml_document_is_an_object() -> None:
    one = "<m><SenderAddress>+1206555000{0}</SenderAddress><Message>text {0}</Message></m>"
    items = "".join(one.format(n).replace("m>", "inboundSMSMessage>") for n in (1, 2))
    body = f"<inboundSMSMessageList>{items}</inboundSMSMessageList>".encode()
    assert [raw(event) for event in events(MESSAGE, body)] == [
        {"SenderAddress": f"+1206555000{n}", "Message": f"text {n}"} for n in (1, 2)
    ]


def test_a_list_of_a_quarter_of_a_megabyte_is_taken() -> None:
    infos = [status(f"{number:04}") for number in range(3_400)]
    assert len(events(STATUS, notification(infos, "0x" + "A" * 60 + "L"))) == 3_400


def test_what_a_wrapper_says_for_all_may_not_grow_with_their_number() -> None:
    infos = [status(f"{number:04}") for number in range(1_000)]
    with pytest.raises(Rejected, match=r"^body: too many items for one request$"):
        BY_NAME[STATUS].read(Request("", (), notification(infos, "m" * 10_000)))
