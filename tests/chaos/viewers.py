"""People who watch the console's live tail, and come back whenever it breaks off."""

import asyncio
import time

import httpx2
import redis

from receiver.console import sessions
from receiver.console.sessions import Link

_CLICK = {"sec-fetch-site": "none", "sec-fetch-dest": "document"}
"""What a browser says of an address that somebody opened."""
_AGAIN = 0.5
SILENT = 20.0
"""Seconds after which a browser's user would load the page again; the console says something every
few, new or not."""


class Viewer:
    """One of them."""

    def __init__(self, port: int, client: redis.Redis) -> None:
        self.rows = 0
        """Times that a row came; the last may come twice where the connection ended."""
        self.last = 0.0
        """When the last row came, in seconds since 1970."""
        self.connected = 0
        """How often."""
        self._client = client
        self._position = ""
        self._http = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=SILENT, trust_env=False
        )

    async def watch(self) -> None:
        """Watch for ever."""
        async with self._http:
            signed_in = False
            while True:
                try:
                    signed_in = signed_in or await self._sign_in()
                    await self._follow()
                except (httpx2.HTTPError, redis.RedisError):
                    pass  # the console or its Redis is away
                await asyncio.sleep(_AGAIN)

    async def _sign_in(self) -> bool:
        token = await asyncio.to_thread(sessions.make_link, self._client, Link("eve", "viewer"))
        answer = await self._http.get(f"/login?token={token}", headers=_CLICK)
        return answer.status_code == 303

    async def _follow(self) -> None:
        headers = {"last-event-id": self._position} if self._position else {}
        async with self._http.stream("GET", "/live/stream", headers=headers) as answer:
            if answer.status_code != 200:
                return
            self.connected += 1
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    self._position = line[4:]
                elif "data-receipt=" in line:
                    self.rows += 1
                    self.last = time.time()
