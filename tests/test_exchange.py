"""Where requests may go, and when they are tried again."""

import random
import socket
from typing import Any

import pytest

from tests.consumer import consuming
from tests.forwarding import http_sink
from workers import backoff
from workers.exchange import Endpoint, Unanswered, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",  # noqa: S104 - to be refused
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%2",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_a_public_address_is_not(address: str) -> None:
    assert is_public(address)


def test_a_public_looking_name_that_leads_to_a_private_address_finds_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with consuming() as consumer:
        found: Any = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", consumer.server_port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        url = f"http://hooks.example.com:{consumer.server_port}/"
        sink = http_sink(consumer, url=url, allow=())
        with pytest.raises(Unanswered, match="the address is private"):
            Endpoint(sink).post(b"{}", {})
        assert consumer.requests == []
        allowed = http_sink(
            consumer,
            url=url,
            allow=("hooks.example.com",),
        )
        assert Endpoint(allowed).post(b"{}", {})[0] == 204
        (request,) = consumer.requests
        assert request.headers["host"] == f"hooks.example.com:{consumer.server_port}"


def test_the_pause_is_anywhere_below_a_bound_that_doubles_up_to_an_hour() -> None:
    dice = random.Random(1)
    for attempts, bound in ((1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (500, 3600)):
        pauses = [backoff.wait(attempts, dice) for _ in range(1000)]
        assert 0 <= min(pauses) < bound * 0.05
        assert bound * 0.95 < max(pauses) <= bound
