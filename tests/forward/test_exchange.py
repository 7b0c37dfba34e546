"""Where requests may go, and when they are tried again."""

import random

import pytest

from receiver.config.settings import HttpSink
from tests.support.consumer import consuming
from tests.support.forwarding import http_sink
from workers.forward import backoff
from workers.sinks.http_client import Endpoint, Reply, is_public


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
        "168.63.129.16",
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
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "64:ff9b:1::a00:1",
        "fec0::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "168.63.129.17", "2606:2800:220:1::1", "::ffff:8.8.8.8"]
)
def test_a_public_address_is_not(address: str) -> None:
    assert is_public(address)


def ask(sink: HttpSink) -> Reply:
    endpoint = Endpoint(sink)
    endpoint.post("asked", b"{}", {})
    ((request, reply),) = endpoint.answers(10)
    assert request == "asked"
    return reply


def test_a_public_looking_name_that_leads_to_a_private_address_finds_nobody() -> None:
    with consuming() as consumer:
        name = f"localhost:{consumer.server_port}"  # of the names that are private, one we all have
        sink = http_sink(consumer, url=f"http://{name}/", allow=())
        assert "the address is private" in str(ask(sink))
        assert consumer.requests == []
        assert ask(http_sink(consumer, url=f"http://{name}/", allow=("localhost",))) == (
            204,
            0,
            b"",
        )
        (request,) = consumer.requests
        assert request.headers["host"] == name


def test_the_pause_is_anywhere_below_a_bound_that_doubles_up_to_an_hour() -> None:
    random.seed(1)
    for attempts, bound in ((1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (500, 3600)):
        pauses = [backoff.wait(attempts) for _ in range(1000)]
        assert 0 <= min(pauses) < bound * 0.05
        assert bound * 0.95 < max(pauses) <= bound
