"""Whatever fails of ours while credentials are read, nobody is kept without an answer."""

import socket
from typing import Any

import pytest

from receiver.auth.subscription_credentials import SubscriptionCredentials
from receiver.contract.redis_keys import SUBSCRIPTION_PREFIX
from receiver.health.monitor import Monitor
from tests.support.bare import connect, read_answer, request, status
from tests.support.in_process import serving
from tests.support.running import TOKEN
from tests.support.valkey import Valkey

PATH = "/camara/notifications"


async def fail(*_: Any) -> None:
    """Fail as nothing of ours is known to."""
    raise LookupError


def answered(line: socket.socket, sent: bytes) -> int:
    line.sendall(sent)
    return status(read_answer(line))


def test_a_look_up_that_fails_is_answered_503(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SubscriptionCredentials, "look_up", fail)
    bearer = ("authorization", f"Bearer {SUBSCRIPTION_PREFIX}new")
    whole = request(PATH, b"{}", bearer)
    head = request(PATH, b"{}", bearer, ("expect", "100-continue")).removesuffix(b"{}")
    with serving(REDIS_URL=valkey.url, RECEIVER_BEARER_TOKENS=TOKEN) as port:
        for sent in (whole, head):
            with connect(port) as line:
                assert answered(line, sent) == 503


def test_a_first_look_that_fails_keeps_no_process_from_serving(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Monitor, "look", fail)
    with (
        serving(REDIS_URL=valkey.url, RECEIVER_BEARER_TOKENS=TOKEN) as port,
        connect(port) as line,
    ):
        assert answered(line, request("/healthz", method="GET")) == 200
