"""The push alternative of In-App Messaging: notification channels and subscriptions (v1)."""

from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from receiver.simulate.att_gateway.api import Asked, read_member
from receiver.simulate.att_gateway.errors import Refused, invalid
from receiver.simulate.att_gateway.gateway import Gateway
from receiver.simulate.att_gateway.in_app.mailbox import Change, Item, Subscription
from receiver.simulate.serving import json

_LONGEST_TEXT = 160
_LIFE = 3600


class ChannelsApi:
    """Serves channels and subscriptions, and posts the changes to the scenario's listener."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._made = 0
        gateway.mailbox_watchers.append(self._notify)

    async def create_channel(self, asked: Asked) -> Response:
        """Create a channel."""
        wanted = read_member(await asked.request.body(), "channel")
        if wanted.get("serviceName") != "MIM":
            raise invalid("serviceName")
        name = self._name("channel")
        self._gateway.channels[name] = {
            "channelId": name,
            "maxEventsPerNotification": 1,
            "serviceName": "MIM",
            "channelType": "NOTIFICATION",
            "notificationContentType": wanted.get("notificationContentType", "application/json"),
            "notificationVersion": wanted.get("notificationVersion", 1.0),
        }
        shown = {"channelId": name, "maxEventsPerNotification": 1}
        return self._answer(201, {"channel": shown}, f"{asked.url}/{name}")

    async def channel(self, asked: Asked) -> Response:
        """Show a channel, or delete it with its subscriptions."""
        name = self._channel(asked)
        if asked.request.method == "GET":
            return self._answer(200, {"channel": self._gateway.channels[name]})
        del self._gateway.channels[name]
        for each in [one for one in self._gateway.subscriptions.values() if one.channel == name]:
            del self._gateway.subscriptions[each.id]
        return self._answer(204)

    async def subscribe(self, asked: Asked) -> Response:
        """Create a subscription to the mailbox of the token's subscriber."""
        channel = self._channel(asked)
        wanted = read_member(await asked.request.body(), "subscription")
        found = Subscription(
            id=self._name("subscription"),
            channel=channel,
            client=asked.token.client,
            events=_events(wanted),
            callback_data=str(wanted.get("callbackData") or ""),
            expires_in=_seconds(wanted),
        )
        self._gateway.subscriptions[found.id] = found
        shown = {"subscriptionId": found.id, "expiresIn": found.expires_in}
        return self._answer(201, {"subscription": shown}, f"{asked.url}/{found.id}")

    async def subscription(self, asked: Asked) -> Response:
        """Show, change or delete a subscription."""
        found = self._subscription(asked)
        if asked.request.method == "DELETE":
            del self._gateway.subscriptions[found.id]
            return self._answer(204)
        if asked.request.method == "PUT":
            wanted = read_member(await asked.request.body(), "subscription")
            found.events, found.expires_in = _events(wanted), _seconds(wanted)
            found.callback_data = str(wanted.get("callbackData") or found.callback_data)
            shown: dict[str, Any] = {"subscriptionId": found.id, "expiresIn": found.expires_in}
            return self._answer(200, {"subscription": shown})
        shown = {
            "subscriptionId": found.id,
            "expiresIn": found.expires_in,
            "eventFilters": found.events,
            "callbackData": found.callback_data,
        }
        return self._answer(200, {"subscription": shown})

    def _notify(self, client: str, item: Item, change: Change) -> None:
        """Post a change to the listener, once for each subscription."""
        url = self._gateway.scenario.messages.listener
        for each in self._gateway.subscriptions.values():
            if not url or each.client != client or item.type not in each.events:
                continue
            event = {
                "messageId": item.id,
                "conversationThreadId": f"thread-{item.sender}",
                "eventType": item.type,
                "event": change,
                "text": item.text[:_LONGEST_TEXT],
                "isTextTruncated": len(item.text) > _LONGEST_TEXT,
                "isFavorite": item.favorite,
                "isUnread": item.unread,
            }
            inner = {
                "subscriptionId": each.id,
                "callbackData": each.callback_data,
                "notificationEvents": [event],
            }
            document = {"messageNotifications": {"subscriptionNotifications": [inner]}}
            self._gateway.pushes.post(url, document)

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}-{self._made}"

    def _channel(self, asked: Asked) -> str:
        if asked.path["channel"] not in self._gateway.channels:
            raise Refused(404, "SVC0002", "channelId")
        return asked.path["channel"]

    def _subscription(self, asked: Asked) -> Subscription:
        found = self._gateway.subscriptions.get(asked.path["subscription"])
        if not found or found.channel != self._channel(asked):
            raise Refused(404, "SVC0002", "subscriptionId")
        return found

    def _answer(self, status: int, document: Any = None, location: str = "") -> Response:
        answer = Response(b"", status) if document is None else json(status, document)
        answer.headers["x-systemTransactionId"] = self._name("transaction")
        if location:
            answer.headers["location"] = urlsplit(location).path
        return answer


def _events(wanted: dict[str, Any]) -> list[str]:
    found = wanted.get("events")
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise invalid("events")
    return found


def _seconds(wanted: dict[str, Any]) -> int:
    found = wanted.get("expiresIn", _LIFE)
    if not isinstance(found, int) or found < 1:
        raise invalid("expiresIn")
    return found
