"""An end by a clock that is hours ahead of ours comes hours sooner than it reads."""

import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.outbound import Answer
from receiver.subscriptions import ending, unknown_attempts
from receiver.subscriptions.api import Api
from receiver.subscriptions.context import Context
from receiver.subscriptions.creation_outcome import classify
from receiver.subscriptions.lists import Lists
from tests.support.operators import in_
from tests.support.subscribing import attempt, run, slot
from tests.support.valkey import Valkey

LIFE = 3600.0


def said(ahead: float, status: int = 201) -> Answer:
    """The answer of an operator whose clock is so far ahead, and that shortens lives to an hour."""
    body = {"id": "s", "expiresAt": in_(LIFE + ahead)}
    date = formatdate(time.time() + ahead, usegmt=True)
    return Answer(status=status, headers={"date": date}, body=msgspec.json.encode(body))


@pytest.mark.parametrize(("ahead", "off"), [(18_000, 0), (30, 30), (-18_000, -18_000)])
def test_a_subscription_is_taken_to_end_when_the_operators_clock_has_it(
    ahead: float, off: float
) -> None:
    found = classify(said(ahead)).remote
    assert found
    assert abs(found.ends - time.time() - LIFE - off) < 5


def test_also_where_it_is_looked_at_later(valkey: Valkey, tmp_path: Path) -> None:
    class Ahead:
        async def get(self, _base: str, _subscription: str) -> Answer:
            return said(18_000, 200)

    async def steps(context: Context) -> None:
        api: Any = Ahead()
        context.api, context.lists = api, Lists(api, context.store.now)
        now = context.store.now()
        pending = attempt(state="pending", subscription="s", ends=0, renew=0)
        pending.created, pending.asked_end = now, now + 90_000
        one = slot(pending)
        await context.store.add_slots([one])
        await ending.check_alive(context, one, one.attempts[0])
        after = await context.store.read_slot(one.id)
        assert after
        assert abs(after.attempts[0].ends - now - LIFE) < 5
        assert after.attempts[0].renew < now + LIFE

    run(valkey, tmp_path, steps)


def test_an_end_without_a_zone_is_utc() -> None:
    body = {"id": "s", "expiresAt": in_(LIFE).removesuffix("Z")}
    found = classify(Answer(status=201, headers={}, body=msgspec.json.encode(body))).remote
    assert found
    assert abs(found.ends - time.time() - LIFE) < 5


def test_also_where_a_creation_whose_answer_was_lost_is_found_in_a_list(
    valkey: Valkey, tmp_path: Path
) -> None:
    class Ahead:
        async def request(self, _method: str, _url: str) -> Answer:
            sink = "https://hooks.example.com/camara/notifications/default?s=rs1"
            listed = [msgspec.json.decode(said(18_000).body) | {"sink": sink}]
            return msgspec.structs.replace(said(18_000, 200), body=msgspec.json.encode(listed))

    async def steps(context: Context) -> None:
        client: Any = Ahead()
        context.api = Api(client)
        context.lists = Lists(context.api, context.store.now)
        now = context.store.now()
        lost = attempt(state="unknown", ends=0, renew=0)
        lost.created, lost.asked_end = now, now + 90_000
        one = slot(lost)
        await context.store.add_slots([one])
        await unknown_attempts.resolve(context, one, one.attempts[0])
        after = await context.store.read_slot(one.id)
        assert after
        assert after.attempts[0].state == "active"
        assert abs(after.attempts[0].ends - now - LIFE) < 5

    run(valkey, tmp_path, steps)
