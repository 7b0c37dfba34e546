"""The web process and the credentials of subscriptions: new each second, and thousands of them."""

import hashlib
import json
import secrets
import time
from contextlib import ExitStack
from typing import Any

import pytest

from receiver.auth.subscription_credentials import LOOK_UPS
from receiver.contract.redis_keys import (
    CREDENTIALS_REVISION,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_CREDENTIALS_REVISION,
    SUBSCRIPTION_PREFIX,
    TURNED_AWAY,
)
from tests.support.bare import connect, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.running import Receiver

PATH = "/camara/notifications/fleet"
TYPE = "org.camaraproject.device-reachability-status-subscriptions.v0.reachability-data"


def add(receiver: Receiver, *, generation: int = 1, lives: float = 3600, slot: str = "") -> str:
    """Store a new token's credential, as the controller does; returns the token."""
    token = SUBSCRIPTION_PREFIX + secrets.token_urlsafe(24)
    digest = hashlib.sha256(token.encode()).hexdigest()
    record = {
        "label": "fleet",
        "listener": "fleet",
        "expires": int(time.time() + lives),
        "created": int(time.time()),
        "attempt": secrets.token_hex(8),
        "generation": generation,
        "slot": slot or "fleet:abc",
    }
    with receiver.redis.pipeline() as pipe:
        pipe.hset(SUBSCRIPTION_CREDENTIALS, digest, json.dumps(record))
        pipe.incr(SUBSCRIPTION_CREDENTIALS_REVISION)
        revision: Any = pipe.execute()[1]
    receiver.redis.zadd(SUBSCRIPTION_CREDENTIALS_CHANGES, {digest: revision})
    return token


def remove(receiver: Receiver, token: str) -> None:
    digest = hashlib.sha256(token.encode()).hexdigest()
    receiver.redis.hdel(SUBSCRIPTION_CREDENTIALS, digest)
    revision: Any = receiver.redis.incr(SUBSCRIPTION_CREDENTIALS_REVISION)
    receiver.redis.zadd(SUBSCRIPTION_CREDENTIALS_CHANGES, {digest: revision})


def spoilt(receiver: Receiver, record: str) -> str:
    """A token whose record is no record."""
    token = add(receiver)
    digest = hashlib.sha256(token.encode()).hexdigest()
    receiver.redis.hset(SUBSCRIPTION_CREDENTIALS, digest, record)
    return token


def notification(moment: str = "2026-04-15T12:00:00.250Z", name: str = "") -> bytes:
    device = {"phoneNumber": "+12065550100"}
    data = {"device": device, "subscriptionId": name or "s"}
    event = {
        "specversion": "1.0",
        "id": name or secrets.token_hex(8),
        "source": "https://operator.example/subscriptions/" + (name or "s"),
        "type": TYPE,
        "time": moment,
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(event).encode()


def send(receiver: Receiver, token: str, body: bytes = b"", path: str = PATH) -> int:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
    return receiver.post(path, body or notification(), headers).status


def test_a_credential_that_was_made_a_moment_ago_admits_its_first_event(
    receiver: Receiver,
) -> None:
    receiver.start_web()
    assert [send(receiver, add(receiver)) for _ in range(20)] == [204] * 20


def test_many_that_were_made_a_moment_ago_are_looked_up_at_once(receiver: Receiver) -> None:
    receiver.start_web()
    tokens = [add(receiver) for _ in range(LOOK_UPS // 2)]
    with ExitStack() as stack:
        lines = [stack.enter_context(connect(receiver.port)) for _ in tokens]
        for line, token in zip(lines, tokens, strict=True):
            bearer = ("authorization", f"Bearer {token}")
            line.sendall(request(PATH, notification(), bearer))
        assert [status(read_answer(line)) for line in lines] == [204] * len(tokens)


def test_it_is_looked_up_for_a_body_that_comes_later_too(receiver: Receiver) -> None:
    receiver.start_web()
    with connect(receiver.port) as line:
        for token, wanted in ((add(receiver), 204), (f"{SUBSCRIPTION_PREFIX}nobody", 401)):
            bearer = ("authorization", f"Bearer {token}")
            whole = request(PATH, notification(), bearer, ("expect", "100-continue"))
            head, _, body = whole.partition(b"\r\n\r\n")
            line.sendall(head + b"\r\n\r\n")
            answer = read_answer(line)
            if wanted == 204:
                assert status(answer) == 100
                line.sendall(body)
                answer = read_answer(line)
            assert status(answer) == wanted


def test_a_process_that_was_just_started_knows_them_all(receiver: Receiver) -> None:
    tokens = [add(receiver) for _ in range(600)]
    receiver.start_web()
    assert {send(receiver, token) for token in tokens[::50]} == {204}


def test_a_token_of_that_form_that_nobody_made_is_unknown(receiver: Receiver) -> None:
    receiver.start_web()
    assert send(receiver, f"{SUBSCRIPTION_PREFIX}nobody") == 401


def test_it_is_good_on_its_listener_only(receiver: Receiver) -> None:
    receiver.start_web()
    assert send(receiver, add(receiver), path="/camara/notifications/other") == 403


def test_one_that_is_over_or_was_removed_admits_nobody(receiver: Receiver) -> None:
    receiver.start_web()
    over, removed = add(receiver, lives=-60), add(receiver)
    assert send(receiver, over) == 401
    assert send(receiver, removed) == 204
    remove(receiver, removed)
    eventually(lambda: send(receiver, removed) == 401)


def test_while_redis_is_away_nobody_is_called_unknown(receiver: Receiver) -> None:
    receiver.start_web()
    known = add(receiver)
    assert send(receiver, known) == 204
    receiver.valkey.pause()
    try:
        assert send(receiver, f"{SUBSCRIPTION_PREFIX}perhaps-a-new-one") == 503
    finally:
        receiver.valkey.resume()


@pytest.mark.parametrize(
    "record", ["rubbish", f'{{"more": {"[" * 10_000}'], ids=["rubbish", "deep"]
)
@pytest.mark.parametrize("before", [True, False], ids=["from the start", "made while it runs"])
def test_one_whose_record_cannot_be_read_is_put_off_and_nothing_else_is(
    receiver: Receiver, before: bool, record: str
) -> None:
    if not before:
        receiver.start_web()
    token, good = spoilt(receiver, record), add(receiver)
    receiver.redis.hset(SUBSCRIPTION_CREDENTIALS, "no digest", "rubbish")
    if before:
        receiver.start_web()
    bearer = ("authorization", f"Bearer {token}")
    whole = request(PATH, notification(), bearer)
    head, end, _ = request(PATH, notification(), bearer, ("expect", "100-continue")).partition(
        b"\r\n\r\n"
    )
    for sent in (whole, head + end):
        with connect(receiver.port) as line:
            line.sendall(sent)
            assert status(read_answer(line)) == 503
    assert send(receiver, good) == 204
    assert send(receiver, f"{SUBSCRIPTION_PREFIX}nobody") == 401
    client: Any = receiver.redis
    eventually(lambda: b"unknown credential" in b" ".join(client.hkeys(TURNED_AWAY)))
    assert "subscription_credentials.unreadable" in receiver.log.read_text()


@pytest.mark.parametrize("key", [CREDENTIALS_REVISION, SUBSCRIPTION_CREDENTIALS_REVISION])
def test_a_revision_that_is_no_number_keeps_no_web_process_from_its_work(
    receiver: Receiver, key: str
) -> None:
    token = add(receiver)
    receiver.redis.set(key, "many")
    receiver.start_web()
    assert send(receiver, token) == 204
    assert send(receiver, "nobody's") == 401
    eventually(lambda: receiver.redis.exists(TURNED_AWAY))


def test_a_flood_of_strange_tokens_is_put_off_and_costs_redis_little(receiver: Receiver) -> None:
    receiver.start_web()
    answers = [send(receiver, f"{SUBSCRIPTION_PREFIX}{n}") for n in range(4 * LOOK_UPS)]
    assert set(answers) <= {401, 503}
    eventually(lambda: send(receiver, add(receiver)) == 204)


@pytest.mark.parametrize("second", ["2026-04-15T12:00:00.250Z", "2026-04-15T14:00:00.25+02:00"])
def test_what_two_generations_of_one_slot_say_of_one_occurrence_comes_out_once(
    receiver: Receiver, second: str
) -> None:
    receiver.start()
    old, new = add(receiver, generation=1), add(receiver, generation=2)
    assert send(receiver, old, notification(name="one")) == 204
    assert send(receiver, new, notification(second, "two")) == 204
    assert send(receiver, new, notification("2026-04-15T12:00:00.251Z", "two")) == 204
    assert send(receiver, add(receiver, slot="fleet:other"), notification(name="one")) == 204
    books = receiver.settled()
    assert (books.published, books.duplicate) == (3, 1)
    event, *_ = receiver.events()
    assert event["subscriptionset"] == "fleet"
    assert event["generation"] == 1
    assert event["identitybasis"] == "composite"
