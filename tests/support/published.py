"""Every event that the recorded requests, our samples and what is polled lead to, as published."""

import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from receiver.carriers import BY_NAME, CALLBACKS
from receiver.carriers.att import outbox
from receiver.contract.records import Notification
from receiver.simulate.samples import SAMPLES, build
from tests.support.cases import cases
from workers.normalise.cloudevent import claim

NOW = 1764000000123
ATTEMPT = "a-name 2 fleet:+12065550100"
"""Of a declared subscription, as the web process notes it."""
POLLED = {
    "att.sms.inbox": '{"InboundSmsMessageList": {"InboundSmsMessage": [{"MessageId": "msg0", '
    '"Message": "Hello", "SenderAddress": "tel:+12065550100"}, {"MessageId": "msg1", "Message": '
    '"080414043E04310440044B0439", "SenderAddress": "tel:+12065550101"}], '
    '"NumberOfMessagesInThisBatch": "2", "ResourceUrl": "x", '
    '"TotalNumberOfPendingMessages": "0"}}',
    "att.sms.outbox": '{"DeliveryInfoList": {"DeliveryInfo": [{"Id": "msg0", "Address": '
    '"tel:+12065550100", "DeliveryStatus": "DeliveredToTerminal"}], "ResourceUrl": "x"}}',
    "att.messages": '{"change": "added", "mailbox": "+12065550100", "state": "1", "message": '
    '{"messageId": "m1", "isIncoming": true, "type": "MMS", "from": {"value": "+12065550100"}, '
    '"recipients": [{"value": "+12065550101"}], "isUnread": "true", "mmsContent": [{"contentUrl": '
    '"x/parts/1", "contentName": "a", "contentType": "image/gif", "type": "MMS"}], "typeMetaData": '
    '{"segmentationDetails": {"segmentationMsgRefNumber": 1, "thisPartNumber": 1, '
    '"totalNumberOfParts": 2}}}}',
    "camara.device-status": '{"device": {"phoneNumber": "+12065550100"}, "status": {"reachable": '
    'true, "connectivity": ["DATA"], "roaming": true, "countryCode": 208, "countryName": ["FR"], '
    '"lastStatusTime": "2026-01-31T12:00:00Z"}, "since": 1, "changes": ["reachability", '
    '"roaming"]}',
}


def recorded() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each case's name, and its events; a case without any is left out."""
    for case in cases():
        if case.status != 204:
            continue
        found = []
        for body in case.reading.accepted:
            found += _events(case.callback.name, body, case.content_type, zone=case.zone)
            found += _events(case.callback.name, body, case.content_type, attempt=ATTEMPT)
        yield case.name, found


def samples() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name in SAMPLES:
        sample = build(name)
        callback = next(one for one in CALLBACKS if one.path == sample.path)
        yield name, _events(callback.name, sample.body, sample.content_type)


def polled() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name, body in POLLED.items():
        yield name, _events(name, body.encode(), "application/json", asked="/outbox/an-id")
    for reason in ("gone", "expired"):
        ended = outbox.encode_ended(outbox.Ended(reason))
        yield reason, _events(outbox.NAME, ended, outbox.ENDED, asked="/outbox/an-id")


def _events(
    callback_name: str, body: bytes, content_type: str, zone: str = "UTC", **more: Any
) -> list[dict[str, Any]]:
    callback = BY_NAME[callback_name]
    said = Notification(callback_name, "promo", "r-1", NOW, content_type, body, **more)
    return [
        json.loads(claim(callback, said, event, index).document)
        for index, event in enumerate(callback.events(said, (ZoneInfo(zone), "US")))
    ]
