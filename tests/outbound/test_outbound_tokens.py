"""Access tokens: asked for, renewed, and what a token endpoint may do to us."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from receiver.outbound import (
    Answer,
    OperatorClient,
    Resting,
    TokenRefused,
)
from receiver.outbound.access_token import read_token
from tests.support.operators import V08, Simulated
from tests.support.outbound import ask, create, credentials


def test_many_requests_share_one_token(operator: Simulated) -> None:
    async def many(client: OperatorClient) -> None:
        await asyncio.gather(*[client.request("GET", operator.url + V08) for _ in range(20)])

    ask(operator, many)
    assert operator.books()["requests"] == {"token 200": 1, "list 200": 20}


@pytest.mark.parametrize("text", [False, True])
def test_a_token_is_renewed_at_80_percent_of_its_life(
    operator: Simulated, clock: SimpleNamespace, text: bool
) -> None:
    operator.control("settings", authentication={"expires_in": 1000, "expires_in_text": text})

    async def later(client: OperatorClient) -> None:
        for passes in (0, 799, 2):
            clock.now += passes
            await client.request("GET", operator.url + V08)
            tokens = (await asyncio.to_thread(operator.books))["requests"]["token 200"]
            assert tokens == (2 if passes == 2 else 1)

    ask(operator, later)


def test_a_token_that_cannot_be_renewed_serves_to_its_end(
    operator: Simulated, clock: SimpleNamespace
) -> None:
    operator.control("settings", authentication={"expires_in": 1000})
    operator.control("faults", operation="token", effect="status", skip=1, times=0)

    async def later(client: OperatorClient) -> None:
        for passes in (0, 999):
            clock.now += passes
            assert (await client.request("GET", operator.url + V08)).status == 200
        clock.now += 7
        with pytest.raises(TokenRefused, match="503 refused"):
            await client.request("GET", operator.url + V08)

    ask(operator, later)
    assert operator.books()["requests"] == {"token 200": 1, "token 503": 2, "list 200": 2}


@pytest.mark.parametrize(
    ("fault", "passing"),
    [
        ({"status": 503}, (0, 900, 0, 4, 2)),  # it is down
        ({"status": 429, "retry_after": 60}, (0, 900, 30, 25, 10)),  # it asks for patience
    ],
)
def test_a_token_endpoint_in_trouble_is_not_asked_for_each_request_while_the_token_is_good(
    operator: Simulated, clock: SimpleNamespace, fault: dict[str, int], passing: tuple[int, ...]
) -> None:
    operator.control("settings", authentication={"expires_in": 1000})
    operator.control("faults", operation="token", effect="status", skip=1, times=0, **fault)

    async def later(client: OperatorClient) -> list[int]:
        asked = []
        for passes in passing:
            clock.now += passes
            assert (await client.request("GET", operator.url + V08)).status == 200
            said = (await asyncio.to_thread(operator.books))["requests"]
            asked.append(said.get(f"token {fault['status']}", 0))
        return asked

    assert ask(operator, later) == [0, 1, 1, 1, 2]


def test_after_a_401_there_is_one_new_token_and_one_more_attempt(operator: Simulated) -> None:
    async def forgotten(client: OperatorClient) -> Answer:
        await client.request("GET", operator.url + V08)
        await asyncio.to_thread(operator.control, "forget-tokens")
        return await create(operator)(client)

    assert ask(operator, forgotten).status == 201
    assert operator.books()["live"] == 1
    assert operator.books()["requests"]["token 200"] == 2


def test_no_secret_is_shown(operator: Simulated) -> None:
    client = credentials(operator, key="a-private-key")
    assert "simulated-secret" not in repr(client)
    assert "a-private-key" not in repr(client)


@pytest.mark.parametrize(
    ("said", "life"),
    [
        ({"expires_in": 60}, 60.0),
        ({"expires_in": "60"}, 60.0),
        ({"expires_in": 59.5}, 59.5),
        ({}, 300.0),
        ({"expires_in": None}, 300.0),
        ({"expires_in": "soon"}, 300.0),
        ({"expires_in": -1}, 300.0),
        ({"expires_in": "nan"}, 300.0),
        ({"expires_in": "inf"}, 366 * 86400.0),
        ({"expires_in": [60]}, 300.0),
        ({"expires_in": 10**400}, 300.0),
    ],
)
def test_the_life_of_a_token_is_a_number_or_its_text(said: dict[str, Any], life: float) -> None:
    body = json.dumps({"access_token": "t", "token_type": "bearer", **said}).encode()
    assert read_token(Answer(status=200, headers={}, body=body))[0] == ("t", life)


@pytest.mark.parametrize("kind", ["Bearer", "BEARER", "BearerToken", None])
def test_a_bearer_token_may_be_called_as_apigee_calls_it(kind: str | None) -> None:
    named = {} if kind is None else {"token_type": kind}
    body = json.dumps({"access_token": "t", "expires_in": "3599", **named}).encode()
    assert read_token(Answer(status=200, headers={}, body=body))[0] == ("t", 3599.0)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            401,
            b'{"error": "invalid_client", "error_description": "x-secret"}',
            "401 invalid_client",
        ),
        (400, b'{"error": "x-secret"}', "400 refused"),
        (400, b'{"error": {}}', "400 refused"),
        (503, b"<html>", "503 refused"),
        (302, b"", "302 refused"),
        (200, b"<html>", "access_token"),
        (200, b"[]", "access_token"),
        (200, b'{"access_token": 7}', "access_token"),
        (200, b'{"access_token": ""}', "access_token"),
        (200, b'{"access_token": "a\\r\\nx-evil: 1"}', "access_token"),
        (200, '{"access_token": "é"}'.encode(), "access_token"),
        (200, b'{"access_token": "t", "token_type": "mac"}', "token_type"),
        (200, b'{"access_token": "t", "token_type": 7}', "token_type"),
        (200, b"[" * 100_000, "access_token"),
    ],
)
def test_an_answer_without_a_usable_token_is_a_refusal_in_our_words(
    status: int, body: bytes, said: str
) -> None:
    with pytest.raises(TokenRefused) as refused:
        read_token(Answer(status=status, headers={}, body=body))
    assert said in str(refused.value)
    assert "x-secret" not in str(refused.value)


def test_a_token_endpoint_that_asks_for_patience_gets_it(operator: Simulated) -> None:
    operator.control("faults", operation="token", effect="status", status=429, retry_after=60)

    async def twice(client: OperatorClient) -> None:
        with pytest.raises(TokenRefused, match="429"):
            await client.request("GET", operator.url + V08)
        with pytest.raises(Resting, match="Retry-After"):
            await client.request("GET", operator.url + V08)

    ask(operator, twice)
    assert operator.books()["requests"] == {"token 429": 1}


@pytest.mark.parametrize("effect", ["drop", "truncated", "unreadable"])
def test_without_a_token_the_request_is_not_sent(operator: Simulated, effect: str) -> None:
    operator.control("faults", operation="token", effect=effect)
    with pytest.raises(TokenRefused):
        ask(operator, create(operator))
    assert operator.books()["live"] == 0
