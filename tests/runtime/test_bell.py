"""The bell of the web process where the system has no room for its thread."""

import threading

import pytest

from receiver.contract.redis_keys import NORMALISE_QUEUE
from receiver.runtime.bell import Bell
from tests.support.eventually import eventually
from tests.support.valkey import Valkey


def test_without_room_for_a_thread_nothing_rings_and_nobody_who_has_written_is_told(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, bell = valkey.client(), Bell(valkey.client())

    def no_room(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")  # as Python says it

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", no_room)
        bell.ring()
    bell.ring()
    eventually(lambda: client.llen(f"rq:queue:{NORMALISE_QUEUE}") == 1)
    bell.close()
