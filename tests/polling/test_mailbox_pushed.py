"""The simulated gateway pushes changes to a mailbox, and they come out."""

import json
from pathlib import Path

from receiver.simulate.att_gateway.scenario import Messages, Scenario
from tests.support.att_gateways import gateway
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver
from tests.support.valkey import Valkey

CHANNELS = "/notification/v1/channels"


def test_changes_that_are_pushed_come_out_without_their_texts(
    valkey: Valkey, tmp_path: Path
) -> None:
    receiver = Receiver(valkey, tmp_path)
    listener = f"{receiver.url}/att/messages/alice?access_token={TOKEN}"
    try:
        receiver.start()
        with gateway(Scenario(messages=Messages(listener=listener))) as double:
            channel = {"channel": {"serviceName": "MIM", "notificationVersion": 1.0}}
            made = double.request("POST", CHANNELS, json=channel).json()["channel"]
            wanted = {"events": ["TEXT"], "callbackData": "+12065550100", "expiresIn": 60}
            subscriptions = f"{CHANNELS}/{made['channelId']}/subscriptions"
            double.request("POST", subscriptions, json={"subscription": wanted})
            double.control("mailbox", add=[{"text": "a secret"}])
            double.control("mailbox", update=[{"id": "WU1", "unread": False}])
            double.control("mailbox", delete=["WU1"])
            eventually(lambda: len(receiver.events()) == 3)
        found = receiver.events()
    finally:
        receiver.stop()
    assert {(e["type"].split(".")[2], e["data"]["messageId"]) for e in found} == {
        ("added", "WU1"),
        ("updated", "WU1"),
        ("deleted", "WU1"),
    }
    assert {(e["source"], e["data"]["mailbox"]) for e in found} == {
        ("/att/messages/alice", "+12065550100")
    }
    assert "a secret" not in str(found)


def test_a_flag_that_changes_to_and_fro_within_one_request_comes_out_each_time(
    valkey: Valkey, tmp_path: Path
) -> None:
    receiver = Receiver(valkey, tmp_path)
    changes = [{"messageId": "WU1", "event": "UPDATE", "isUnread": at} for at in (False, True)]
    one = {"subscriptionId": "s", "notificationEvents": [*changes, changes[0]]}
    try:
        receiver.start()
        body = {"messageNotifications": {"subscriptionNotifications": [one]}}
        receiver.acknowledged("/att/messages/alice", json.dumps(body).encode())
        receiver.settled()
        found = receiver.events()
    finally:
        receiver.stop()
    assert [event["data"]["unread"] for event in found] == [False, True, False]
