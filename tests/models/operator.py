"""A network operator in plain Python: what it has accepted, under which token, and until when."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from receiver.outbound import Answer
from receiver.subscriptions.api_versions import parse_time


@dataclass
class Subscription:
    """One that it has accepted."""

    document: dict[str, Any]
    digest: str
    """Of the sink's token."""
    phone: str
    ends: float
    deleted: bool = False


class Operator:
    """Answers requests at once. Times are seconds since 1970 by its own clock, which is right."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.accepted: dict[str, Subscription] = {}
        self._now = now
        self._late: list[tuple[float, dict[str, Any]]] = []

    @property
    def live(self) -> dict[str, Subscription]:
        """Return the subscriptions that send events, by id."""
        now, late = self._now(), self._late
        self._late = [each for each in late if each[0] > now]
        for _, body in (each for each in late if each[0] <= now):
            self._create(body)
        return {name: one for name, one in self.accepted.items() if self._lives(one)}

    def accept_late(self, body: dict[str, Any], seconds: float) -> None:
        """Create a subscription so much later than it was asked for."""
        self._late.append((self._now() + seconds, body))

    def answer(self, method: str, url: str, body: Any) -> Answer:
        """Answer a request."""
        name = url.rpartition("/subscriptions")[2].strip("/")
        if method == "POST":
            return _answer(201, self._create(body))
        if not name:
            return _answer(200, [one.document for one in self.live.values()])
        if name not in self.live:
            return _answer(404, {"status": 404, "code": "NOT_FOUND"})
        if method == "DELETE":
            self.accepted[name].deleted = True
            return _answer(204, None)
        return _answer(200, self.accepted[name].document)

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        config = body["config"]
        name, ends = f"sub-{len(self.accepted)}", parse_time(config["subscriptionExpireTime"])
        ends = max(ends, self._now() + 60)  # as asked for by a clock that is behind
        expires = datetime.fromtimestamp(ends, UTC).isoformat(timespec="milliseconds")
        document = {
            **{"id": name, "sink": body["sink"], "types": body["types"], "config": config},
            "expiresAt": expires.replace("+00:00", "Z"),
            "status": "ACTIVE",
        }
        digest = sha256(body["sinkCredential"]["accessToken"].encode()).hexdigest()
        phone = config["subscriptionDetail"]["device"]["phoneNumber"]
        self.accepted[name] = Subscription(document, digest, phone, ends)
        return document

    def _lives(self, one: Subscription) -> bool:
        return not one.deleted and self._now() < one.ends


def _answer(status: int, document: Any) -> Answer:
    body = b"" if document is None else json.dumps(document).encode()
    return Answer(status=status, headers={}, body=body)
