"""A credential that is rotated again and again, and a sender who always has the newest token."""

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable

import httpx2
import redis

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.auth.credential_store import ID_LENGTH, Exists
from tests.support.running import mo

_EVERY = 0.5
"""Seconds between two notifications."""
KEPT = 5.0
"""Seconds for which the token before is good beside the new one."""


class Rotation:
    """One credential, and what its sender was answered."""

    def __init__(self, client: redis.Redis, ports: list[int]) -> None:
        self.sent: list[str] = []
        """Texts of notifications that were acknowledged."""
        self.tokens: list[str] = []
        self.shut_out = 0
        """401s for a token that the same web process had let in, and that nobody had revoked."""
        self.answers: Counter[str] = Counter()
        self._client = client
        self._ports = ports
        self._revoked: set[str] = set()
        self._let_in: set[tuple[int, str]] = set()
        self._http = httpx2.AsyncClient(timeout=4, trust_env=False)

    async def rotate(self, every: float) -> None:
        """Add a token every so many seconds, and revoke the one before it a moment later."""
        while True:
            token = secrets.token_urlsafe(32)
            await _until_done(self._add, token)
            self.tokens.append(token)
            await asyncio.sleep(KEPT)
            for old in self.tokens[-2:-1]:
                self._revoked.add(old)
                await _until_done(self._revoke, old)
            await asyncio.sleep(max(0.0, every - KEPT))

    async def send(self) -> None:
        """Send a notification now and then, to each web process in turn, until it is taken."""
        number = 0
        async with self._http:
            while True:
                await asyncio.sleep(_EVERY)
                text = f"rotation {number} {secrets.token_hex(8)}"
                body, number = mo(text), number + 1
                while not self.tokens or not await self._post(body, number):
                    await asyncio.sleep(0.2)
                    number += 1
                self.sent.append(text)

    async def refused(self, seconds: float = 30) -> bool:
        """Return whether every web process comes to answer 401 to a token that was revoked."""
        until = time.monotonic() + seconds
        old = self.tokens[0]
        async with httpx2.AsyncClient(timeout=4, trust_env=False) as http:
            for port in self._ports:
                while await self._answer(http, port, old, b"{}") != "401":
                    if time.monotonic() > until:
                        return False
                    await asyncio.sleep(0.1)
        return True

    async def _post(self, body: bytes, turn: int) -> bool:
        port, token = self._ports[turn % len(self._ports)], self.tokens[-1]
        answer = await self._answer(self._http, port, token, body)
        self.answers[answer] += 1
        if answer == "204":
            self._let_in.add((port, token))
        elif answer == "401" and (port, token) in self._let_in and token not in self._revoked:
            self.shut_out += 1
        return answer == "204"

    async def _answer(self, http: httpx2.AsyncClient, port: int, token: str, body: bytes) -> str:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        try:
            url = f"http://127.0.0.1:{port}/att/sms/mo"
            return str((await http.post(url, content=body, headers=headers)).status_code)
        except httpx2.HTTPError:
            return "none"

    def _add(self, token: str) -> None:
        with contextlib.suppress(Exists):
            about = Credential(label="rotated", created=time.time())
            credential_store.add(self._client, token, about)

    def _revoke(self, token: str) -> None:
        name = hashlib.sha256(token.encode()).hexdigest()[:ID_LENGTH]
        credential_store.revoke(self._client, credential_store.find(self._client, name))


async def _until_done(do: Callable[[str], None], token: str) -> None:
    while True:
        try:
            return await asyncio.to_thread(do, token)
        except redis.RedisError:
            await asyncio.sleep(0.2)
