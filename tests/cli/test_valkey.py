from collections.abc import Callable

import pytest
import redis

from tests.support.valkey import Valkey


def test_every_test_finds_an_empty_server_that_keeps_what_it_acknowledged(valkey: Valkey) -> None:
    client = valkey.client()
    assert client.dbsize() == 0
    client.set("kept", "yes")
    valkey.restart()
    assert valkey.client().get("kept") == b"yes"


def test_the_server_is_as_new_after_a_test_that_killed_it(valkey: Valkey) -> None:
    valkey.kill()
    valkey.empty()
    assert valkey.client().dbsize() == 0


def test_a_frozen_server_answers_nothing_until_it_is_thawed(valkey: Valkey) -> None:
    valkey.pause()
    with pytest.raises(redis.TimeoutError):
        valkey.client(socket_timeout=0.1).ping()
    valkey.resume()
    assert valkey.client().ping()


def test_a_server_of_ones_own_takes_other_settings(start_valkey: Callable[..., Valkey]) -> None:
    server = start_valkey(maxmemory="20mb")
    assert server.client().config_get("maxmemory") == {"maxmemory": str(20 * 1024**2)}
