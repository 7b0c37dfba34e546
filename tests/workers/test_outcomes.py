"""What the normalise job counts and says of repeats and of statuses that come late."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from receiver.carriers import camara
from receiver.carriers.carrier import Request
from receiver.config.settings import Listener, Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import EVENTS, INBOUND, LEDGER, LOSSES
from receiver.intake.accept import accept
from receiver.operations import ledger
from tests.support.commands import run
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise.job import Normaliser

_receipts = itertools.count(1)
DOUBLES = Settings(listeners=(Listener("promo", repeats="publish"),))


def come_in(
    client: Any, callback: str, *bodies: bytes, settings: Settings | None = None
) -> list[dict[str, Any]]:
    """These notifications, accepted and normalised; the events that are new."""
    known = client.xlen(EVENTS)
    for body in bodies:
        one = Notification(callback, "promo", f"{next(_receipts):027x}", 1, "", body)
        client.xadd(INBOUND, {"n": encode(one)})
        client.hincrby(LEDGER, "accepted", 1)
    Normaliser(client, "me", settings or Settings(), lambda: False).run()
    return [json.loads(fields[b"event"]) for _, fields in client.xrange(EVENTS)][known:]


def status(word: str, message: str = "0x1fL") -> bytes:
    info = {"address": "tel:+12065550100", "deliveryStatus": word}
    said = {"messageId": message, "deliveryInfo": info}
    return json.dumps({"deliveryInfoNotification": said}).encode()


def device(number: str) -> bytes:
    event = {"specversion": "1.0", "id": number, "source": "/s", "type": "com.example.t"}
    return json.dumps(event).encode()


def test_duplicates_are_counted_by_what_their_recognition_rests_on(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    text, ided, sent = mo(), mo().replace(b'"MessageId": ""', b'"MessageId": "m-1"'), status("Sent")
    come_in(client, "att.sms.mo", text, text, text, text, ided, ided)
    come_in(client, "att.sms.delivery-status", sent, sent, sent)
    come_in(client, "camara.notifications", device("1"), device("1"), device("2"))
    books = ledger.read(client)
    assert (books.balanced, books.published, books.duplicate) == (True, 5, 7)
    by_basis = {"provider_id": 2, "composite": 2, "fingerprint": 3}
    said = json.loads(run(tmp_path, "ledger", "--json", REDIS_URL=valkey.url).stdout)
    for basis, count in by_basis.items():
        assert said[f"duplicate_{basis}"] == count


def test_a_status_after_a_final_one_is_late_and_counted(valkey: Valkey) -> None:
    client = valkey.client()
    words = ["DeliveredToNetwork", "DeliveredToTerminal", "MessageWaiting", "DeliveryImpossible"]
    events = come_in(client, "att.sms.delivery-status", *map(status, words))
    late = {event["data"]["providerStatus"]: event["data"]["late"] for event in events}
    assert late == dict(zip(words, [False, False, True, True], strict=True))
    other = come_in(client, "att.sms.delivery-status", status("DeliveredToNetwork", "0x20L"))
    assert [event["data"]["late"] for event in other] == [False]
    assert (ledger.read(client).late, ledger.read(client).events) == (2, 5)


def test_what_the_network_itself_calls_late_stays_as_it_came(valkey: Valkey) -> None:
    own = json.dumps(json.loads(status("MessageWaiting")) | {"late": False}, separators=(",", ":"))
    ended = status("DeliveredToTerminal")
    _, event = come_in(valkey.client(), "att.sms.delivery-status", ended, own.encode())
    assert event["data"]["late"] is True
    assert '"late":false' in json.dumps(event["data"]["raw"], separators=(",", ":"))


def test_statuses_without_an_id_in_one_body_are_events_of_their_own(valkey: Valkey) -> None:
    info = {"address": "tel:+12065550100", "deliveryStatus": "DeliveredToNetwork"}
    body = json.dumps({"deliveryInfoNotification": {"deliveryInfo": [info, info, info]}}).encode()
    events = come_in(valkey.client(), "att.sms.delivery-status", body)
    assert len({event["id"] for event in events}) == len(events) == 3


@pytest.mark.parametrize(
    ("callback", "body"),
    [
        ("att.sms.mo", mo("Yes")),
        ("att.sms.delivery-status", status("Sent")),
        ("camara.notifications", device("1")),
    ],
)
def test_a_listener_may_have_repeats_published(valkey: Valkey, callback: str, body: bytes) -> None:
    client = valkey.client()
    events = come_in(client, callback, body, body, settings=DOUBLES)
    assert len({event["id"] for event in events}) == len(events) == 2
    assert {event["identitybasis"] for event in events} == {"none"}
    assert ledger.read(client).duplicate == 0
    elsewhere = Settings(listeners=(Listener("other", repeats="publish"), Listener("promo")))
    assert len(come_in(client, callback, body, body, settings=elsewhere)) == 1


def test_repeats_of_one_batch_are_told_apart_where_they_are_published(valkey: Valkey) -> None:
    client = valkey.client()
    for number in "12":  # one request, one receipt
        one = Notification("camara.notifications", "promo", "r", 1, "", device(number))
        client.xadd(INBOUND, {"n": encode(one)})
    events = come_in(client, "camara.notifications", settings=DOUBLES)
    assert len({event["id"] for event in events}) == 2


def test_equal_events_of_one_batch_are_events_of_their_own_where_repeats_are_published(
    valkey: Valkey,
) -> None:
    client = valkey.client()
    batch = b"[" + b",".join([device("1"), device("1"), device("2")]) + b"]"
    request = Request("application/cloudevents-batch+json", (), batch)
    for record in accept(camara.CALLBACK, "promo", "r", 1, request, "").notifications:
        client.xadd(INBOUND, {"n": record})
    events = come_in(client, "camara.notifications", settings=DOUBLES)
    assert len({event["id"] for event in events}) == len(events) == 3


def test_the_books_count_what_is_open_and_lost_where_the_server_cannot_tell(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    client.xgroup_create(INBOUND, "normalise", id="0", mkstream=True)
    entries = [client.xadd(INBOUND, {"n": "x"}) for _ in range(6)]
    client.xreadgroup("normalise", "me", {INBOUND: ">"}, count=2)
    client.xack(INBOUND, "normalise", entries[0])
    client.xdel(INBOUND, entries[3])
    (group,) = client.xinfo_groups(INBOUND)
    assert group["lag"] is None
    client.hset(LOSSES, mapping={"one life": 2, "another": 5})
    books = ledger.read(client)
    assert (books.open, books.lost) == (1 + 3, 7)


def test_zone_and_region_are_those_of_the_listener(valkey: Valkey) -> None:
    client: Any = valkey.client()
    manila = Settings(listeners=(Listener("promo", zone="Asia/Manila", region="PH"),))
    body = b'{"SenderAddress":"9171234567","Message":"m","DateTime":"04/05/2026 12:00:00"}'
    (there,) = come_in(client, "att.sms.mo", body, settings=manila)
    (here,) = come_in(client, "att.sms.mo", body)
    assert (there["data"]["from"], there["time"]) == ("+639171234567", "2026-04-05T04:00:00Z")
    assert (there["timebasis"], here["timebasis"]) == ("sender", "receipt")
    assert (here["data"]["from"], here["time"]) == ("+19171234567", "1970-01-01T00:00:00.001000Z")
