"""`/readyz` says why Redis cannot be looked at: what to do about it differs."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.brisk_web import BRISK
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.valkey import Valkey


@pytest.fixture
def web(start_valkey: Callable[..., Valkey], tmp_path: Path) -> Iterator[Receiver]:
    # Below nought: so seldom that a server that reads its log still answers many times a second.
    receiver = Receiver(start_valkey(key_load_delay="-4"), tmp_path)
    receiver.web_command = BRISK
    receiver.start_web()
    yield receiver
    receiver.kill()


def _reason(receiver: Receiver) -> str:
    said: dict[str, str] = json.loads(receiver.get("/readyz").data)
    return said.get("reason", "")


def test_a_password_that_was_changed(web: Receiver) -> None:
    client: Any = web.valkey.client()
    client.config_set("requirepass", "another")
    client.execute_command("CLIENT", "KILL", "TYPE", "normal")
    eventually(lambda: _reason(web) == "Redis refuses our user or password")
    web.valkey.client(password="another").config_set("requirepass", "")
    eventually(lambda: not _reason(web))


def test_a_log_that_takes_long_to_read(web: Receiver) -> None:
    """Whoever starts it again in the middle of that has it begin anew."""
    web.valkey.client().eval("for i = 1, 300000 do redis.call('SET', 'key-' .. i, '') end", 0)
    web.valkey.kill()
    eventually(lambda: _reason(web) == "Redis does not answer")
    restarting = threading.Thread(target=web.valkey.start)
    restarting.start()
    eventually(lambda: _reason(web) == "Redis is still reading its log")
    web.valkey.client().config_set("key-load-delay", 0)
    eventually(lambda: not _reason(web))
    restarting.join()
