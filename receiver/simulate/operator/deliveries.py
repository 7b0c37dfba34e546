"""Sending notifications to the sinks, and recording each sink's responses."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import httpx2
import msgspec
from msgspec import Struct

from receiver.runtime.retry_after import retry_after
from receiver.simulate.operator.scenario import Scenario
from receiver.simulate.operator.subscription import Subscription
from receiver.simulate.serving import Calls

_TYPE: Final = "application/cloudevents+json"
_AGAIN: Final = frozenset({408, 425, 429})


class Attempt(Struct, frozen=True):
    """One attempt to deliver one notification."""

    at: datetime
    id: str
    type: str
    subscription: str
    sink: str
    nth: int
    answer: str
    """The status, or `unreachable`, `timeout`, `broken`."""
    reason: str = ""
    """Of an end."""


class Deliveries:
    """The notifications that are sent and were sent."""

    def __init__(self, scenario: Callable[[], Scenario], now: Callable[[], datetime]) -> None:
        self._scenario = scenario
        self._now = now
        settings = scenario().notifications
        self._at_once = asyncio.Semaphore(settings.connections)
        self._client = httpx2.AsyncClient(trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()
        self.attempts = Calls()

    def send(
        self,
        found: Subscription,
        event: Callable[[], dict[str, Any]],
        refused: Callable[[int], None],
    ) -> None:
        """Queue a notification behind those under way for its subscription.

        `event` is called when the first attempt is made; `refused` with a sink's 401 or 410.
        """
        task = asyncio.create_task(self._after(found.last_delivery, found, event, refused))
        found.last_delivery = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop sending."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    @property
    def under_way(self) -> int:
        """Return how many notifications are not delivered yet."""
        return len(self._tasks)

    async def _after(
        self,
        before: "asyncio.Task[None] | None",
        found: Subscription,
        event: Callable[[], dict[str, Any]],
        refused: Callable[[int], None],
    ) -> None:
        if before:
            await asyncio.wait({before})
        settings = self._scenario().notifications
        await asyncio.sleep(settings.delay)
        document = event()
        body = msgspec.json.encode(document)
        for nth in range(1, settings.attempts + 1):
            async with self._at_once:
                answer, wait = await self._post(found, body, settings.timeout)
            self._note(found, document, nth, answer)
            if answer in ("401", "410"):
                refused(int(answer))
            if not _worth_another(answer) or nth == settings.attempts:
                return
            await asyncio.sleep(max(settings.pause * 2.0 ** (nth - 1), wait))

    async def _post(self, found: Subscription, body: bytes, within: float) -> tuple[str, float]:
        """Return what the sink answered, and its Retry-After."""
        headers = {"content-type": _TYPE, "x-correlator": found.id}
        if found.wanted.token:
            headers["authorization"] = f"Bearer {found.wanted.token}"
        try:
            async with asyncio.timeout(within):
                answer = await self._client.post(found.wanted.sink, content=body, headers=headers)
        except (TimeoutError, httpx2.TimeoutException):
            return "timeout", 0
        except (httpx2.ConnectError, httpx2.UnsupportedProtocol, httpx2.InvalidURL):
            return "unreachable", 0
        except httpx2.HTTPError:
            return "broken", 0
        value, date = (answer.headers.get(name, "") for name in ("retry-after", "date"))
        return str(answer.status_code), retry_after(value, time.time(), date) or 0

    def _note(self, found: Subscription, event: dict[str, Any], nth: int, answer: str) -> None:
        reason = event["data"].get("terminationReason", "")
        sink = found.wanted.sink
        about = (event["id"], event["type"], found.id, sink, nth, answer, reason)
        self.attempts.note(Attempt(self._now(), *about), answer)


def _worth_another(answer: str) -> bool:
    """Return whether to send again: without an answer, or for trouble at the sink. A refusal is
    final (CAMARA says nothing of repeats).
    """
    return not answer.isdigit() or int(answer) >= 500 or int(answer) in _AGAIN
