import json
import signal
from pathlib import Path
from typing import Any

from tests.support.commands import run
from tests.support.eventually import eventually
from tests.support.up import Up


def test_a_valkey_that_cannot_be_started_again_is_tried_until_it_can(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        up.events(3)
        web, data = up.pid("receiver web"), tmp_path / "var/valkey"
        manifest = next((data / "appendonlydir").glob("*.manifest"))
        kept = manifest.read_bytes()
        in_the_way = data / "valkey.conf"  # what a full disk does: its settings are not written
        in_the_way.unlink()
        in_the_way.mkdir()
        up.signal("valkey-server", signal.SIGKILL)
        eventually(lambda: "a directory to write in is wanted; it is tried again" in up.said())
        manifest.write_text("rubbish\n")
        in_the_way.rmdir()
        eventually(lambda: "the embedded Valkey does not start: " in up.said())
        assert up.process.poll() is None
        assert up.pid("receiver web") == web
        assert up.send()  # into the spool
        worker = up.signal("-m workers", signal.SIGKILL)
        eventually(lambda: up.pid("-m workers") not in (0, worker))
        manifest.write_bytes(kept)
        assert up.events(1)[0]["type"] == "sms.message.received.v1"
        eventually(lambda: _books(tmp_path)["open"] == 0)
        assert _books(tmp_path)["balanced"]
        said = [line for line in up.said().splitlines() if "it is tried again until" in line]
        assert len(said) == len(set(map(_sentence, said)))
        assert "Traceback" not in up.said()


def _books(directory: Path) -> Any:
    return json.loads(run(directory, "ledger", "--json").stdout)


def _sentence(line: str) -> str:
    said: str = json.loads(line)["said"]
    return said
