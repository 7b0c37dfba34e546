"""An operator that takes no second subscription, and answers with the first where it is asked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from receiver.contract.redis_keys import subscriptions_state
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually
from tests.support.operators import Simulated, simulated


def repeating(app: ASGIApp) -> ASGIApp:
    """The application, which in place of 409 answers with what it created for the same device."""
    made: dict[str, bytes] = {}

    async def repeated(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await app(scope, receive, send)
            return
        asked = await receive()
        device = str(_device(asked["body"]))
        start: list[Message] = []

        async def again() -> Message:
            return asked

        async def other(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
                return
            [head] = start
            body = message["body"]
            if head["status"] == 201:
                made[device] = body
            if head["status"] == 409:
                body = made[device]
                json_only = [(b"content-type", b"application/json")]
                head = {**head, "status": 200, "headers": json_only}
            await send(head)
            await send({**message, "body": body})

        await app(scope, again, other)

    return repeated


def _device(body: bytes) -> Any:
    try:
        return json.loads(body)["config"]["subscriptionDetail"]["device"]
    except (ValueError, KeyError, TypeError):
        return None


@pytest.fixture
def operator() -> Iterator[Simulated]:
    with simulated(around=repeating) as found:
        found.control("settings", creation={"refuse_twins": True})
        yield found


def test_an_operator_that_gives_the_same_one_again_is_renewed_by_replacement(
    fleet: Controlled,
) -> None:
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    fleet.renew()
    state = subscriptions_state("sim")
    eventually(lambda: fleet.redis.hget(state, "renewal") == b"replace")
    eventually(lambda: not first & fleet.ids())
    fleet.settled()
    assert len(DEVICES) == len(fleet.live())
