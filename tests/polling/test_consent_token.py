"""The access token of a consent: renewed by one at a time, and never at the consent's cost."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from receiver.intake.redis_link import NotReplicated
from receiver.outbound import Grant, Token, TokenRefused, Unanswered
from receiver.polling.mailbox import consent_token
from receiver.polling.mailbox.consent_token import ConsentToken, NoConsent, tokens_of
from receiver.polling.mailbox.consents import Consents
from receiver.runtime.redis_client import async_client
from tests.support.consents import NOW, OLD, Gateway, give, headers, run, stored
from tests.support.valkey import Valkey


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_many_at_once_refresh_once(redis_url: str, gateway: Gateway) -> None:
    gateway.takes = 0.3
    give(redis_url)

    async def act(_: Consents) -> list[dict[str, str]]:
        clients = [async_client(redis_url) for _ in range(4)]
        several = [ConsentToken("alice", Consents(one, (OLD,)), gateway) for one in clients]
        try:
            return await asyncio.gather(*(one.headers() for one in several * 5))
        finally:
            for one in clients:
                await one.aclose()

    found = run(redis_url, act)
    assert found == [{"authorization": "Bearer a-1"}] * 20
    assert gateway.count == 1


def test_a_token_that_is_refused_is_replaced_once_by_whoever_is_first(
    redis_url: str, gateway: Gateway
) -> None:
    give(redis_url, "a-0")

    async def act(consents: Consents) -> tuple[dict[str, str], dict[str, str]]:
        one = ConsentToken("alice", consents, gateway)
        other = ConsentToken("alice", consents, gateway)
        first = [await one.headers(), await other.headers()]
        assert first == [{"authorization": "Bearer a-0"}] * 2
        await one.renew(first[0])
        await other.renew(first[1])
        return await one.headers(), await other.headers()

    assert run(redis_url, act) == ({"authorization": "Bearer a-1"},) * 2
    assert gateway.count == 1


def test_the_new_refresh_token_is_stored_before_the_access_token_is_used(
    valkey: Valkey, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(valkey.url)
    monkeypatch.setattr(consent_token, "_STORED_WITHIN", 0)

    async def act(consents: Consents) -> None:
        client = valkey.client()
        write = consents.write

        async def failing(*arguments: Any) -> bool:
            client.config_set("min-replicas-to-write", "1")  # a server that takes nothing now
            return await write(*arguments)

        consents.write = failing  # type: ignore[method-assign, assignment]
        try:
            with pytest.raises(redis.ResponseError):
                await ConsentToken("alice", consents, gateway).headers()
        finally:
            client.config_set("min-replicas-to-write", "0")

    run(valkey.url, act)


def test_who_was_slower_overwrites_no_newer_consent(redis_url: str, gateway: Gateway) -> None:
    give(redis_url)

    async def act(consents: Consents) -> dict[str, str]:
        refresh = gateway.refresh

        async def slow(token: str) -> Grant:
            grant = await refresh(token)
            tokens = tokens_of(Grant(Token("a-new", 3600), "r-new"), "r-new")
            await consents.write("alice", None, consents.sealed(tokens, NOW, NOW + 1000))
            return grant

        gateway.refresh = slow  # type: ignore[method-assign, assignment]
        return await ConsentToken("alice", consents, gateway).headers()

    assert run(redis_url, act) == {"authorization": "Bearer a-new"}


def test_a_consent_that_the_gateway_has_ended_is_said_and_not_tried_again(
    valkey: Valkey, gateway: Gateway
) -> None:
    give(valkey.url, refresh="withdrawn")
    for _ in range(2):
        with pytest.raises(NoConsent, match="run `receiver consent alice`"):
            headers(valkey.url, gateway)
    assert stored(valkey).trouble() == "was refused by the gateway (invalid_grant)"
    give(valkey.url)
    assert headers(valkey.url, gateway) == {"authorization": "Bearer a-1"}


@pytest.mark.parametrize(
    "error",
    [
        TokenRefused(503, "refused"),
        TokenRefused(429, "refused"),
        TokenRefused(401, "invalid_client"),  # its secret has been replaced
        TokenRefused(400, "unauthorized_client"),
        TokenRefused(404, "refused"),  # a wrong token_url
        TokenRefused(302, "refused"),
        TokenRefused(200, "the answer has no usable access_token"),  # a page about repairs
        Unanswered("reset"),
        TimeoutError(),
    ],
)
def test_trouble_that_may_pass_keeps_the_consent_and_the_token_that_lives(
    valkey: Valkey, gateway: Gateway, error: Exception
) -> None:
    gateway.error = error
    give(valkey.url, "a-0", renew_in=-1)
    assert headers(valkey.url, gateway) == {"authorization": "Bearer a-0"}
    give(valkey.url, "a-0", renew_in=-2, ends_in=-1)
    with pytest.raises(TokenRefused) as refused:
        headers(valkey.url, gateway)
    assert not isinstance(refused.value, NoConsent)
    assert not stored(valkey).refused


def test_an_error_in_the_form_of_the_apis_ends_a_consent_too(
    valkey: Valkey, gateway: Gateway
) -> None:
    gateway.error = TokenRefused(400, "SVC0002")
    give(valkey.url)
    with pytest.raises(NoConsent):
        headers(valkey.url, gateway)
    assert stored(valkey).refused == "SVC0002"


def test_where_no_token_is_to_be_had_the_one_before_serves_and_the_gateway_is_asked_once(
    redis_url: str, gateway: Gateway
) -> None:
    gateway.error = TokenRefused(503, "refused")
    give(redis_url, "a-0", renew_in=-1)

    async def act(consents: Consents) -> list[dict[str, str]]:
        one = ConsentToken("alice", consents, gateway)
        return [await one.headers() for _ in range(20)]

    assert run(redis_url, act) == [{"authorization": "Bearer a-0"}] * 20
    assert gateway.asked == 1


def test_a_lease_that_a_dead_process_has_left_ends(
    redis_url: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.polling.mailbox.consents.LEASE_SECONDS", 0.4)
    give(redis_url)

    async def act(consents: Consents) -> dict[str, str]:
        assert await Consents(consents._client, (OLD,)).hold("alice")
        return await ConsentToken("alice", consents, gateway).headers()

    assert run(redis_url, act) == {"authorization": "Bearer a-1"}


def test_a_refresh_ends_before_its_lease() -> None:
    assert consent_token.REFRESH_WITHIN < 15


def test_a_refresh_token_that_no_replica_has_yet_is_not_relied_on(
    redis_url: str, gateway: Gateway
) -> None:
    give(redis_url)

    async def act(consents: Consents) -> None:
        replicated = Consents(consents._client, (OLD,), replicas=1)
        with pytest.raises(NotReplicated):
            await ConsentToken("alice", replicated, gateway).headers()

    run(redis_url, act)
    assert headers(redis_url, gateway) == {"authorization": "Bearer a-1"}


def full(valkey: Valkey) -> None:
    valkey.client().config_set("maxmemory", "1mb")


def away(valkey: Valkey) -> threading.Timer:
    valkey.kill()
    return threading.Timer(0.5, valkey.start)


def replica(valkey: Valkey) -> threading.Timer:
    """As in a failover behind one address: what answers there takes no writes for a moment."""
    client = valkey.client()
    client.replicaof("127.0.0.1", "1")
    return threading.Timer(0.5, client.replicaof, ["NO", "ONE"])


@pytest.mark.parametrize("trouble", [full, away, replica])
def test_a_redis_in_trouble_while_the_gateway_answers_costs_no_consent(
    valkey: Valkey, gateway: Gateway, trouble: Callable[[Valkey], threading.Timer | None]
) -> None:
    """The gateway takes a refresh token once, and what it gave for it stands nowhere else."""
    give(valkey.url)
    mending: list[threading.Timer] = []

    async def act(consents: Consents) -> dict[str, str]:
        refresh = gateway.refresh

        async def meanwhile(token: str) -> Grant:
            if timer := trouble(valkey):
                timer.start()
                mending.append(timer)
            return await refresh(token)

        gateway.refresh = meanwhile  # type: ignore[method-assign, assignment]
        return await ConsentToken("alice", consents, gateway).headers()

    try:
        assert run(valkey.url, act) == {"authorization": "Bearer a-1"}
    finally:
        for timer in mending:
            timer.join()
    assert headers(valkey.url, gateway) == {"authorization": "Bearer a-1"}
    assert not stored(valkey).refused
