"""From the web process to consumers that fail, and on their way again: with the real processes."""

import json
import sys
from pathlib import Path
from typing import Any

from receiver.contract.redis_keys import DEAD_LETTERS, SINKS, retry_due
from tests.support.commands import free_port, run
from tests.support.consuming_page import SECRET, copied, handled, until_listening
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

FILE = """
[[sink]]
name = "hook"
kind = "http"
url = "http://127.0.0.1:{port}/events"
allow = ["127.0.0.1"]
secrets_env = ["HOOK_SECRET"]

[[sink]]
name = "crm"
kind = "rq"
queue = "crm"
function = "handling.handle"
"""


def test_what_consumers_refused_or_lost_reaches_them_again_under_its_id(
    valkey: Valkey, tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "receiver.toml").write_text(FILE.format(port=port))
    receiver = Receiver(valkey, tmp_path, HOOK_SECRET=SECRET).start()
    try:
        environ = {"REDIS_URL": valkey.url, "HOOK_PORT": str(port)}
        with copied(
            tmp_path, [sys.executable, "webhook.py"], WEBHOOK_SECRETS="whsec_AAAA", **environ
        ) as process:
            until_listening(process, port)  # or the sink would wait after a failed attempt
            for _ in range(3):
                receiver.acknowledged("/att/sms/mo", mo())
            eventually(lambda: valkey.client().zcard(retry_due("hook")) == 3)  # it answers 401
        ids = [event["id"] for event in receiver.events()]
        assert valkey.client().xlen(DEAD_LETTERS) == 0

        with copied(
            tmp_path, [sys.executable, "webhook.py"], WEBHOOK_SECRETS=SECRET, **environ
        ) as process:
            until_listening(process, port)
            counts = {"dead": 0, "replayed": 0, "delivered": 3}
            eventually(lambda: _counts(valkey, "hook") == counts)  # its last answer has arrived
        assert sorted(handled(tmp_path)) == sorted(ids)

        with copied(tmp_path, ["/bin/sh", "rq-worker"], **environ):
            eventually(lambda: _finished(valkey) == 3)
            again = run(tmp_path, "replay", "--sink", "crm", "--since", "1h", **environ)
            assert json.loads(again.stdout)["new"] == 3
            eventually(lambda: _finished(valkey) == 6)
        assert sorted(handled(tmp_path)) == sorted(ids)
        explained = run(tmp_path, "explain", ids[0], "--json", **environ)
        story: Any = json.loads(explained.stdout)
        assert story["outcomes"] == ["published"]
        assert receiver.settled().published == 3
    finally:
        receiver.kill()


def _counts(valkey: Valkey, sink: str) -> dict[str, int]:
    found: Any = valkey.client().hgetall(SINKS)
    counts = {name.decode(): int(count) for name, count in found.items()}
    names = ("dead", "replayed", "delivered")
    return {name: counts.get(f"{sink}:{name}", 0) for name in names}


def _finished(valkey: Valkey) -> int:
    found: Any = valkey.client().zcard("rq:finished:crm")
    return int(found)
