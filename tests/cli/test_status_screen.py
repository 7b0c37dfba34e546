"""`receiver status` without a device: everything on one screen, also while Redis is away."""

import json
import re
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.brisk_web import BRISK
from tests.support.commands import answered, on_a_terminal, run
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.threaded import threaded
from tests.support.valkey import Valkey

TOML = """
[[listener]]
name = "promo"

[[listener]]
name = "silent"

[[sink]]
name = "copy"
kind = "redis-stream"
stream = "company:events"
"""


def status(directory: Path, receiver: Receiver) -> tuple[int, dict[str, Any]]:
    environ = {"REDIS_URL": receiver.valkey.url, "PORT": str(receiver.port)}
    found = run(directory, "status", "--json", **environ)
    assert found.stderr == ""
    return found.returncode, json.loads(found.stdout)


def test_it_says_what_runs_and_what_does_not(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)
    receiver.start_web()
    code, found = status(tmp_path, receiver)
    assert (code, found["well"], found["web"]["status"]) == (1, False, 200)
    receiver.start_worker()
    receiver.acknowledged("/att/sms/mo/promo", mo())

    def well() -> dict[str, Any]:
        code, found = status(tmp_path, receiver)
        assert (code == 0) is found["well"]
        return found if found["well"] and found["listeners"]["promo"] is not None else {}

    receiver.settled()
    found = eventually(well)
    assert (found["ledger"]["accepted"], found["ledger"]["balanced"]) == (1, True)
    assert (found["sinks"][0]["name"], found["sinks"][0]["state"]) == ("copy", "sending")
    assert 0 <= found["listeners"]["promo"] < 60
    assert found["listeners"]["silent"] is None
    screen = on_a_terminal(
        tmp_path, "status", REDIS_URL=receiver.valkey.url, PORT=str(receiver.port)
    )
    assert "1 accepted, 1 published" in screen
    assert "● promo: last heard" in re.sub("\x1b\\[[0-9;]*m", "", screen)
    assert "silent: never heard" in screen
    assert re.search(r"promo: last heard \d{1,2} s ago", screen)


def test_it_says_why_the_web_process_refuses_and_what_it_warns_of(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.web_command = BRISK
    receiver.start_web()
    environ = {"REDIS_URL": receiver.valkey.url, "PORT": str(receiver.port)}

    def screen() -> str:
        _, seen = answered(tmp_path, "", "status", **environ)
        return re.sub("\x1b\\[[0-9;]*m", "", seen)

    receiver.redis.config_set("appendfsync", "everysec")
    eventually(lambda: ": 200; appendfsync" in screen())
    receiver.valkey.kill()
    eventually(lambda: ": 503; Redis does not answer" in screen())


def test_a_sink_that_the_worker_knows_nothing_of_is_not_well(
    receiver: Receiver, tmp_path: Path
) -> None:
    """As where the worker was started in a directory without the `receiver.toml`."""
    receiver.start_web()
    receiver.start_worker()
    other = tmp_path / "other"
    other.mkdir()
    receiver.settled()
    eventually(lambda: status(other, receiver)[1]["well"])
    (other / "receiver.toml").write_text(TOML)
    code, found = status(other, receiver)
    assert (code, found["well"]) == (1, False)
    (sink,) = found["sinks"]
    assert sink["name"] == "copy"
    assert sink["state"].startswith("no worker has begun yet: start `receiver worker`")


def test_it_works_while_redis_is_away(valkey: Valkey, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)
    valkey.kill()
    found = run(tmp_path, "status", "--json", REDIS_URL=valkey.url, PORT="1")
    document = json.loads(found.stdout)
    assert (found.returncode, document["redis"]["reachable"]) == (1, False)
    assert document["sinks"] == [{"name": "copy", "state": "unknown"}]
    assert document["spool"] == {"notifications": 0, "damaged": 0}
    assert document["web"]["status"] == 0


@pytest.mark.parametrize("letters", ["utf-8", "ascii"])
def test_what_is_not_well_has_another_sign_also_without_colours(
    valkey: Valkey, tmp_path: Path, letters: str
) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)
    environ = {"REDIS_URL": valkey.url, "PORT": "1", "NO_COLOR": "1", "PYTHONIOENCODING": letters}
    code, seen = answered(tmp_path, "", "status", **environ)
    plain = re.sub("\x1b\\[[0-9;]*m", "", seen)
    signs = {line.split()[0]: line.split()[1] for line in plain.splitlines()}
    assert code == 1
    assert signs["web"] == signs["workers"] == "!"
    assert signs["redis"] == signs["ledger"] == "●".encode(letters, "backslashreplace").decode()


class Another(BaseHTTPRequestHandler):
    """What another program answers on our port."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"text": "\xff"}')

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def test_another_program_in_the_place_of_the_web_process_is_shown_by_its_status(
    valkey: Valkey, tmp_path: Path
) -> None:
    server = HTTPServer(("127.0.0.1", 0), Another)
    with threaded(server):
        environ = {"REDIS_URL": valkey.url, "PORT": str(server.server_port)}
        found = run(tmp_path, "status", "--json", **environ)
    web = json.loads(found.stdout)["web"]
    assert (web["status"], web["said"], found.stderr) == (200, {}, "")
