"""The push alternative of In-App Messaging at a simulated gateway: channels and subscriptions."""

from typing import Any

from receiver.simulate.att_gateway.scenario import Messages, Scenario
from tests.support.att_gateways import gateway
from tests.support.eventually import eventually
from tests.support.operators import listening

CHANNELS = "/notification/v1/channels"


def test_changes_are_posted_to_who_subscribes() -> None:
    with listening() as sink, gateway(Scenario(messages=Messages(listener=sink.url))) as double:
        wanted: dict[str, Any] = {"serviceName": "MIM", "notificationVersion": 1.0}
        made = double.request("POST", CHANNELS, json={"channel": wanted})
        assert (made.status_code, "x-systemtransactionid" in made.headers) == (201, True)
        channel = f"{CHANNELS}/{made.json()['channel']['channelId']}"
        assert made.headers["location"] == channel
        shown = double.request("GET", channel).json()["channel"]
        assert (shown["serviceName"], shown["notificationVersion"]) == ("MIM", 1.0)
        wanted = {"events": ["TEXT"], "callbackData": "c", "expiresIn": 60}
        body = {"subscription": wanted}
        made = double.request("POST", f"{channel}/subscriptions", json=body)
        name = made.json()["subscription"]["subscriptionId"]
        one = f"{channel}/subscriptions/{name}"
        assert double.request("GET", one).json()["subscription"] == {
            "subscriptionId": name,
            "expiresIn": 60,
            "eventFilters": ["TEXT"],
            "callbackData": "c",
        }
        double.control("mailbox", add=[{"text": "x" * 200}, {"subject": "no TEXT"}])
        eventually(lambda: sink.events)
        _subscribed(sink.events, name)
        changed = double.request("PUT", one, json={"subscription": wanted | {"expiresIn": 90}})
        assert changed.json()["subscription"]["expiresIn"] == 90
        assert [double.request("DELETE", path).status_code for path in (one, channel)] == [204, 204]
        assert double.request("GET", channel).status_code == 404


def _subscribed(events: list[dict[str, Any]], name: str) -> None:
    [document] = events
    [found] = document["messageNotifications"]["subscriptionNotifications"]
    assert (found["subscriptionId"], found["callbackData"]) == (name, "c")
    [event] = found["notificationEvents"]
    assert (event["messageId"], event["event"], event["eventType"]) == ("WU1", "ADD", "TEXT")
    assert (len(event["text"]), event["isTextTruncated"], event["isUnread"]) == (160, True, True)
