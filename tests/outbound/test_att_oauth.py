"""AT&T's OAuth v4: tokens by client credentials, by a consent's code, by a refresh token."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from receiver.outbound import AccessToken, Grant, OAuthV4, TokenRefused, Unanswered
from receiver.outbound.http_client import HttpClient
from tests.support.consumer import Consumer, Handler, Request, consuming


@pytest.fixture
def gateway() -> Iterator[Consumer]:
    with consuming() as found:
        found.behaviour = granting(expires_in=100)
        yield found


def says(handler: Handler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def granting(**more: Any) -> Any:
    """Numbered tokens, each with these fields."""

    def behaviour(_request: Request, handler: Handler) -> None:
        number = len(handler.consumer.requests)
        granted = {"access_token": f"token-{number}", "token_type": "bearer", **more}
        says(handler, 200, json.dumps(granted).encode())

    return behaviour


def ask(gateway: Consumer, act: Callable[[OAuthV4], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        http = HttpClient(deadline=20, keep_alive=False)
        try:
            url = f"http://{gateway.netloc}/oauth/v4/token"
            return await act(OAuthV4(url, "the-key", "odd secret: %+&=", http))
        finally:
            await http.close()

    return asyncio.run(run())


def forms(gateway: Consumer) -> list[dict[str, list[str]]]:
    return [parse_qs(request.body.decode(), strict_parsing=True) for request in gateway.requests]


def test_the_three_grants_are_asked_for_as_the_sdks_do(gateway: Consumer) -> None:
    async def all_three(oauth: OAuthV4) -> None:
        await oauth.access_token("SMS,IMMN").headers()
        await oauth.code("a code/")
        await oauth.refresh("r+1")

    ask(gateway, all_three)
    client = {"client_id": ["the-key"], "client_secret": ["odd secret: %+&="]}
    assert forms(gateway) == [
        client | {"grant_type": ["client_credentials"], "scope": ["SMS,IMMN"]},
        client | {"grant_type": ["authorization_code"], "code": ["a code/"]},
        client | {"grant_type": ["refresh_token"], "refresh_token": ["r+1"]},
    ]
    assert {request.path for request in gateway.requests} == {"/oauth/v4/token"}
    assert {request.headers["accept"] for request in gateway.requests} == {"application/json"}
    kinds = {request.headers["content-type"].partition(";")[0] for request in gateway.requests}
    assert kinds == {"application/x-www-form-urlencoded"}


def times(gateway: Consumer, clock: SimpleNamespace, *passes: float) -> list[str]:
    """The tokens in use after these seconds, one after the other."""

    async def run(oauth: OAuthV4) -> list[str]:
        keeper, found = oauth.access_token("SMS"), []
        for seconds in passes:
            clock.now += seconds
            found.append((await keeper.headers())["authorization"].removeprefix("Bearer token-"))
        return found

    found: list[str] = ask(gateway, run)
    return found


@pytest.mark.parametrize("life", [100, "100", 100.0, " 100 "])
def test_a_token_is_renewed_at_80_percent_of_its_life(
    gateway: Consumer, clock: SimpleNamespace, life: Any
) -> None:
    gateway.behaviour = granting(expires_in=life)
    assert times(gateway, clock, 0, 79, 2) == ["1", "1", "2"]


@pytest.mark.parametrize("never", [0, "0", 0.0])
def test_a_token_that_never_ends_is_renewed_daily(
    gateway: Consumer, clock: SimpleNamespace, never: Any
) -> None:
    gateway.behaviour = granting(expires_in=never)
    assert times(gateway, clock, 0, 86_399, 2) == ["1", "1", "2"]


@pytest.mark.parametrize("life", [None, -1, "soon", "", [0], {}])
def test_a_token_of_unknown_life_is_renewed_after_minutes(
    gateway: Consumer, clock: SimpleNamespace, life: Any
) -> None:
    gateway.behaviour = granting(expires_in=life)
    assert times(gateway, clock, 0, 239, 2) == ["1", "1", "2"]


def test_a_never_ending_token_serves_as_long_as_it_cannot_be_renewed(
    gateway: Consumer, clock: SimpleNamespace
) -> None:
    give = granting(expires_in=0)

    def once(request: Request, handler: Handler) -> int | None:
        return 503 if len(handler.consumer.requests) > 1 else give(request, handler)

    gateway.behaviour = once
    assert times(gateway, clock, 0, 90_000, 900_000) == ["1", "1", "1"]
    assert len(gateway.requests) == 3


def test_many_that_get_a_401_at_once_ask_for_one_new_token(gateway: Consumer) -> None:
    async def one(keeper: AccessToken) -> str:
        refused = await keeper.headers()
        await asyncio.sleep(0)
        assert await keeper.renew(refused)
        return (await keeper.headers())["authorization"]

    async def many(oauth: OAuthV4) -> set[str]:
        keeper = oauth.access_token("SMS")
        return set(await asyncio.gather(*(one(keeper) for _ in range(20))))

    assert ask(gateway, many) == {"Bearer token-2"}
    assert len(gateway.requests) == 2


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, '{"error": "invalid_grant", "error_description": "x-secret"}', "400 invalid_grant"),
        (
            401,
            '{"RequestError": {"PolicyException": {"MessageId": "POL0001", "Text": "x-secret"}}}',
            "401 POL0001",
        ),
        (
            400,
            '{"requestError": {"serviceException": {"messageId": "SVC0002", "text": "x-secret",'
            ' "variables": "x-secret"}}}',
            "400 SVC0002",
        ),
        (403, '{"error": "x-secret"}', "403 refused"),
        (500, "<html>x-secret", "500 refused"),
        (302, "", "302 refused"),
        (200, "{}", "access_token"),
    ],
)
def test_both_shapes_of_an_error_are_read_and_no_secret_is_repeated(
    gateway: Consumer, status: int, body: str, said: str
) -> None:
    gateway.behaviour = lambda _request, handler: says(handler, status, body.encode())
    with pytest.raises(TokenRefused) as refused:
        ask(gateway, lambda oauth: oauth.refresh("r"))
    assert said in str(refused.value)
    assert "x-secret" not in str(refused.value)
    assert len(gateway.requests) == 1


def test_a_cut_answer_to_a_refresh_says_that_it_may_have_been_carried_out(
    gateway: Consumer,
) -> None:
    def cut(_request: Request, handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "500")
        handler.end_headers()
        handler.close_connection = True

    gateway.behaviour = cut
    with pytest.raises(Unanswered):
        ask(gateway, lambda oauth: oauth.refresh("r"))


def test_a_refresh_token_comes_with_its_access_token_and_neither_is_shown(
    gateway: Consumer,
) -> None:
    gateway.behaviour = granting(expires_in="0", refresh_token="r-2")
    grant: Grant = ask(gateway, lambda oauth: oauth.refresh("r-1"))
    assert (grant.token.value, grant.refresh_token) == ("token-1", "r-2")
    assert "token-1" not in repr(grant)
    assert "r-2" not in repr(grant)


def test_plain_http_is_for_this_machine_only() -> None:
    with pytest.raises(ValueError, match="https is wanted"):
        OAuthV4("http://api.example.com/token", "k", "s", HttpClient())


def test_each_request_has_a_connection_of_its_own(gateway: Consumer) -> None:
    ports: list[int] = []
    give = granting(expires_in=100)

    def noting(request: Request, handler: Handler) -> Any:
        ports.append(handler.client_address[1])
        return give(request, handler)

    gateway.behaviour = noting

    async def twice(oauth: OAuthV4) -> None:
        await oauth.refresh("r-1")
        await oauth.refresh("r-2")

    ask(gateway, twice)
    assert len(set(ports)) == 2
