"""The client of one operator's APIs, for the rest of the program."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from receiver.outbound.access_token import TokenRefused
from receiver.outbound.answers import Answer, NotSent, Unanswered
from receiver.outbound.authentication import Authentication, FixedHeaders
from receiver.outbound.circuit import Circuit
from receiver.outbound.http_client import HttpClient
from receiver.outbound.oauth import ClientCredentials, OAuth
from receiver.outbound.rate_limit import RateLimit
from receiver.outbound.traffic import Traffic

_JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of requests to one operator."""

    rate: float = 5.0
    """Requests a second."""
    concurrency: int = 4
    deadline: float = 30.0
    """Seconds for one request and its whole answer."""
    most_bytes: int = 8 * 1024 * 1024
    """Of an answer."""


class OperatorClient:
    """Sends each request once, and a second time only after a 401, which did nothing.

    Use it in `async with`, or close it. All its requests share one rate, one concurrency, one
    circuit and one access token.
    """

    def __init__(
        self,
        authentication: ClientCredentials | FixedHeaders,
        limits: Limits | None = None,
        *,
        circuit: Circuit | None = None,
    ) -> None:
        """`limits` and `circuit`: the usual ones where they are not given."""
        limits = limits or Limits()
        self._http = HttpClient(
            deadline=limits.deadline,
            most_bytes=limits.most_bytes,
            connections=limits.concurrency + 1,  # one for a token while all the others wait for it
        )
        self._authentication: Authentication = (
            OAuth(authentication, self._http)
            if isinstance(authentication, ClientCredentials)
            else authentication
        )
        self._at_once = asyncio.Semaphore(limits.concurrency)
        self.rate = RateLimit(limits.rate)
        self.circuit = circuit or Circuit()
        self.traffic = Traffic()

    @property
    def resting(self) -> bool:
        """Return whether a request would most likely raise `Resting`."""
        return self.circuit.open or self.rate.resting

    async def request(
        self,
        method: str,
        url: str,
        document: Any = None,
        *,
        headers: dict[str, str] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Answer:
        """Send a request; `document`, unless None, as JSON. Returns any complete answer.

        `check` is called when nothing is waited for any more, right before the request is sent;
        what it raises is raised, and nothing is sent.
        Raises `NotSent` (also as `Resting` and `TokenRefused`): it may be sent again.
        Raises `Unanswered`: it may have been carried out. Raises `BadUrl`, a ValueError.
        """
        content = None if document is None else msgspec.json.encode(document)
        more = {**(headers or {}), **(_JSON if content is not None else {})}
        async with self._at_once:
            self.circuit.admit()
            await self.rate.acquire()
            try:
                answer = await self._send(method, url, more, content, check)
            except (NotSent, Unanswered) as error:
                self.traffic.failed(error)
                self.circuit.failed()
                if isinstance(error, TokenRefused) and error.status == 429:
                    self.rate.refused(error.retry_after)
                raise
        self._judge(answer)
        return answer

    async def check(self) -> None:
        """Get an access token, if this operator has them. Raises `NotSent`."""
        await self._authentication.headers()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.close()

    async def __aenter__(self) -> "OperatorClient":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def _send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes | None,
        check: Callable[[], None] | None,
    ) -> Answer:
        async def attempt() -> tuple[dict[str, str], Answer]:
            own = await self._authentication.headers()
            if check:
                check()
            return own, await self._http.send(method, url, headers=headers | own, content=content)

        own, answer = await attempt()
        if answer.status == 401 and await self._authentication.renew(own):
            self.traffic.answered(answer)
            _, answer = await attempt()
        return answer

    def _judge(self, answer: Answer) -> None:
        """Adjust rate and circuit to an answer: 429 slows down, 401 and 5xx are failures."""
        self.traffic.answered(answer)
        if answer.status == 429:
            self.rate.refused(answer.retry_after)
        else:
            self.rate.answered()
        if answer.status == 401 or answer.status >= 500:
            self.circuit.failed()
        else:
            self.circuit.succeeded()
