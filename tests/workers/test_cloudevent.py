"""The CloudEvent of one event, whole; digests are literals: those in Redis outlive a version."""

import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Event
from receiver.config.settings import Settings
from receiver.contract.records import Notification, decode_dead_letter, encode
from receiver.events.event_types import Basis
from tests.support.published import polled, recorded, samples
from tests.support.running import mo
from workers.normalise.cloudevent import Claim, claim
from workers.normalise.decide import decide

CALLBACK = next(callback for callback in CALLBACKS if callback.name == "att.sms.mo")
ARRIVED = Notification("att.sms.mo", "promo", "a-receipt", 1_302_868_800_123, "", b"{}")
WHOLE = Event(
    type="sms.message.received.v1",
    data={"text": "hello"},
    raw="<said/>",
    subject="+12065550100",
    time=datetime(2011, 4, 15, 14, tzinfo=timezone(timedelta(hours=2))),
    identity=("a", "b"),
    basis="composite",
    origin_type="their.type",
    origin_id="their-id",
    origin_source="/theirs",
    closes=("a",),
)
BARE = Event(type="sms.message.received.v1", data={}, raw="")


def test_an_event_that_says_everything_has_every_attribute() -> None:
    made = claim(CALLBACK, ARRIVED, WHOLE, 0)
    assert json.loads(made.document) == {
        "specversion": "1.0",
        "id": "cfac353af16001402a57b24f9fa4c960",
        "type": "sms.message.received.v1",
        "source": "/att/sms/mo/promo",
        "dataschema": "urn:telecom-receiver:schema:sms.message.received.v1#data",
        "subject": "+12065550100",
        "time": "2011-04-15T12:00:00Z",
        "datacontenttype": "application/json",
        "receivedtime": "2011-04-15T12:00:00.123Z",
        "receiptid": "a-receipt",
        "identitybasis": "composite",
        "timebasis": "sender",
        "origintype": "their.type",
        "originid": "their-id",
        "originsource": "/theirs",
        "data": {"text": "hello", "raw": "<said/>"},
    }
    assert (made.identity.hex(), made.settles.hex()) == (
        "cfac353af16001402a57b24f9fa4c960",
        "b147c0fafd58f6fc2d67b426cfd8b929",
    )


def test_an_event_that_says_nothing_has_no_empty_attribute() -> None:
    made = claim(CALLBACK, ARRIVED, BARE, 0)
    assert json.loads(made.document) == {
        "specversion": "1.0",
        "id": "5b66811ec7695fea39f67cb56296876a",
        "type": "sms.message.received.v1",
        "source": "/att/sms/mo/promo",
        "dataschema": "urn:telecom-receiver:schema:sms.message.received.v1#data",
        "time": "2011-04-15T12:00:00.123000Z",
        "datacontenttype": "application/json",
        "receivedtime": "2011-04-15T12:00:00.123Z",
        "receiptid": "a-receipt",
        "identitybasis": "none",
        "timebasis": "receipt",
        "data": {"raw": ""},
    }
    assert (made.identity, made.settles) == (b"", b"")
    assert (
        json.loads(claim(CALLBACK, ARRIVED, BARE, 1).document)["id"]
        == "83d97fabc31b8dc5d7787810e5f672d6"
    )


@pytest.mark.parametrize(
    ("basis", "final", "mark"),
    [
        ("provider-id", None, b"p"),
        ("composite", False, b"c"),
        ("composite", True, b"c1"),
        ("fingerprint", None, b"f"),
    ],
)
def test_a_claim_is_marked_with_its_basis_and_whether_it_is_final(
    basis: Basis, final: bool | None, mark: bytes
) -> None:
    event = Event(type="t.v1", data={"final": final}, raw="", identity=("a",), basis=basis)
    assert claim(CALLBACK, ARRIVED, event, 0).mark == mark
    published_anyway = claim(CALLBACK, ARRIVED, event, 0, repeats=True)
    assert published_anyway.mark == (b"n1" if final else b"n")
    assert published_anyway.identity == b""


def test_an_entry_is_claims_and_no_reason_or_a_dead_letter_of_now_with_its_reason() -> None:
    entry: Any = (b"1-0", encode(Notification("att.sms.mo", "promo", "r", 1, "", mo())))
    outcome = decide(entry, Settings())
    args = outcome.args()
    assert (args[:2], len(args), outcome.reason) == ([b"1-0", 1], 2 + 4, "")
    assert outcome.notification is not None
    unread = decide((b"2-0", b"no notification"), Settings())
    (_, count, letter) = unread.args()
    assert (count, unread.notification) == (0, None)
    dead = decode_dead_letter(letter)
    assert (dead.reason, dead.notification) == (unread.reason, b"no notification")
    assert abs(dead.at - time.time() * 1000) < 60_000


def test_a_body_that_its_carrier_cannot_read_is_a_dead_letter_that_says_why() -> None:
    entry: Any = (b"1-0", encode(Notification("att.sms.mo", "promo", "r", 1, "", b"nothing")))
    outcome = decide(entry, Settings())
    assert (outcome.claims, outcome.reason[:15]) == ([], "body: not JSON:")
    dead = decode_dead_letter(outcome.args()[2])
    assert (dead.reason, dead.notification) == (outcome.reason, entry[1])
    assert outcome.notification
    assert outcome.notification.body == b"nothing"


def test_what_a_subscription_of_ours_says_of_a_device_is_known_by_what_it_says() -> None:
    data = {"subscriptionId": "one", "reachable": True}
    event = msgspec.structs.replace(WHOLE, type="device.reachability.changed.v1", data=data)
    event = msgspec.structs.replace(event, basis="provider-id", closes=())

    def claimed(attempt: str, **changed: Any) -> Claim:
        said = msgspec.structs.replace(event, **changed)
        arrived = msgspec.structs.replace(ARRIVED, attempt=attempt)
        return claim(CALLBACK, arrived, said, 0)

    first = claimed("a 1 fleet:x")
    assert json.loads(first.document)["identitybasis"] == "composite"
    assert (first.mark, first.identity.hex()) == (b"c", "f318aa7b06bf943cc605c71a7cc46e2e")
    again = claimed("b 2 fleet:x", identity=("other",), data=data | {"subscriptionId": "two"})
    assert again.identity == first.identity
    for changed in ({"data": data | {"reachable": False}}, {"subject": "+1"}, {"time": BARE.time}):
        assert claimed("b 2 fleet:x", **changed).identity != first.identity
    assert claimed("b 2 fleet:y").identity != first.identity
    assert claimed("").mark == b"p"


def test_what_the_cloudevents_sdk_refuses_is_no_event_the_first_time_nor_the_second() -> None:
    nameless = Event(type="", data={}, raw="")
    for _ in range(2):
        with pytest.raises(CloudEventValidationError):
            claim(CALLBACK, ARRIVED, nameless, 0)


@pytest.mark.parametrize("events", [recorded, samples, polled])
def test_each_event_is_one_that_the_sdk_accepts(events: Any) -> None:
    for _, found in events():
        for said in found:
            data, moment = said.pop("data"), datetime.fromisoformat(said.pop("time"))
            assert CloudEvent(said | {"time": moment}, data).get_id() == said["id"]
