"""The consumer of docs/consuming.md that uses `receiver.events`, as it stands there."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from receiver.contract.redis_keys import EVENTS
from tests.support import published
from tests.support.commands import environment
from tests.support.eventually import eventually
from tests.support.pages import snippet
from tests.support.valkey import Valkey


def test_the_typed_consumer_prints_what_it_is_about_and_ends_when_told_to(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    for name in ("mo", "delivery-status", "reachability"):
        [event] = dict(published.samples())[name]
        client.xadd(EVENTS, {"event": json.dumps(event)})
    (tmp_path / "typed.py").write_text(snippet("consuming.md", "typed.py"))
    with subprocess.Popen(
        [sys.executable, "typed.py"],
        cwd=tmp_path,
        env=environment(REDIS_URL=valkey.url),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(2)]
        assert [line.split()[0] for line in lines] == ["message", "device"]
        eventually(lambda: _group(valkey)["pending"] == 0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert (_group(valkey)["lag"], _group(valkey)["consumers"]) == (0, 0)


def _group(valkey: Valkey) -> dict[str, Any]:
    found: Any = valkey.client().xinfo_groups(EVENTS)
    group: dict[str, Any] = found[0]
    return group
