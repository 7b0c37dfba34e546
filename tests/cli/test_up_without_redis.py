import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import free_port
from tests.support.eventually import eventually
from tests.support.up import KINDS, Up


@pytest.mark.parametrize("console", ["", "0"])
def test_the_demo_begins_once_redis_is_there(
    tmp_path: Path, start_valkey: Callable[..., Any], console: str
) -> None:
    port = free_port()
    with Up(tmp_path, console=console, REDIS_URL=f"redis://127.0.0.1:{port}/0") as up:
        eventually(lambda: "; what comes next waits for it" in up.said())
        assert up.send()  # into the spool
        start_valkey(port=str(port))
        seen: set[str] = set()
        while seen != KINDS:  # what was spooled may come before the demo begins, or after
            seen |= {event["type"] for event in up.events(1)}
        assert up.end(signal.SIGINT) == 0
        assert up.said().count("what comes next waits for it") == 1
        assert "Traceback" not in up.said()


def test_it_stops_while_redis_is_away(tmp_path: Path) -> None:
    with Up(tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0") as up:
        eventually(lambda: "; what comes next waits for it" in up.said())
        assert up.end(signal.SIGINT) == 0
        assert "Traceback" not in up.said()
