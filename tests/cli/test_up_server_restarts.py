import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import urllib3

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


def test_a_valkey_whose_port_was_taken_goes_on_at_another_and_all_else_with_it(
    tmp_path: Path,
) -> None:
    with Up(tmp_path) as up:
        up.events(3)
        file = tmp_path / "var/redis-url"
        before, web = file.read_text(), up.pid("receiver web")
        eventually(lambda: up.pid("receiver console"))
        up.process.send_signal(signal.SIGSTOP)  # the port is ours before it looks
        up.signal("valkey-server", signal.SIGKILL)
        with _taken(int(before.rpartition(":")[2].partition("/")[0])):
            up.process.send_signal(signal.SIGCONT)
            eventually(lambda: file.read_text() != before)
            eventually(lambda: up.pid("receiver web") not in (0, web))
            eventually(up.send)
            assert up.events(1)[0]["type"] == "sms.message.received.v1"
            eventually(lambda: _books(tmp_path)["open"] == 0)
            assert _books(tmp_path)["balanced"]
            eventually(lambda: _answers(f"http://127.0.0.1:{up.console}/login"))
            assert up.process.poll() is None
            assert "port was taken" in up.said()
            assert "Traceback" not in up.said()
            assert up.end(signal.SIGINT) == 0


@contextmanager
def _taken(port: int) -> Iterator[None]:
    """The port of a server that was killed, as soon as it is free."""

    def bound() -> socket.socket | None:
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
        return None

    held = eventually(bound)
    assert held
    with held:
        yield


def _answers(url: str) -> bool:
    with suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", url, retries=False).status == 200
    return False


def _books(directory: Path) -> Any:
    return json.loads(run(directory, "ledger", "--json").stdout)


def _sentence(line: str) -> str:
    said: str = json.loads(line)["said"]
    return said
