"""A client of a simulated operator."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from receiver.outbound import (
    Answer,
    ClientCredentials,
    Limits,
    OperatorClient,
)
from tests.support.operators import V08, Simulated, asked

FAST = Limits(rate=1000)


def credentials(operator: Simulated, **more: Any) -> ClientCredentials:
    known = {"client_id": "simulated-client", "secret": "simulated-secret"}
    return ClientCredentials(token_url=f"{operator.url}/oauth/token", **known | more)


def ask(
    operator: Simulated,
    act: Callable[[OperatorClient], Awaitable[Any]],
    limits: Limits = FAST,
    **more: Any,
) -> Any:
    """Run something with a client of this operator's."""

    async def run() -> Any:
        async with OperatorClient(credentials(operator), limits, **more) as client:
            return await act(client)

    return asyncio.run(run())


def create(operator: Simulated) -> Callable[[OperatorClient], Awaitable[Answer]]:
    body = asked("https://nobody.invalid")
    return lambda client: client.request("POST", operator.url + V08, body)
