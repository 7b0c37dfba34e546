"""Posts to listeners: messages and statuses of online short codes, notifications of a mailbox."""

import asyncio
from collections import Counter
from typing import Any, Final

import httpx2
import msgspec

_ATTEMPTS: Final = 5
_PAUSE: Final = 0.5
"""Seconds before the second attempt, doubling; the 72 hours of the real one are not played."""


class Pushes:
    """All posts; each is tried again until it is answered 2xx (Receive SMS)."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self._client: httpx2.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, url: str, document: Any) -> None:
        """Post a document soon."""
        task = asyncio.create_task(self._deliver(url, msgspec.json.encode(document)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        if self._client:
            await self._client.aclose()

    async def _deliver(self, url: str, body: bytes) -> None:
        self._client = self._client or httpx2.AsyncClient(trust_env=False, timeout=10)
        for attempt in range(_ATTEMPTS):
            await asyncio.sleep(_PAUSE * 2 ** (attempt - 1) if attempt else 0)
            try:
                answer = await self._client.post(
                    url, content=body, headers={"content-type": "application/json"}
                )
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                self.answers[type(error).__name__] += 1
                continue
            self.answers[str(answer.status_code)] += 1
            if answer.is_success:
                return
