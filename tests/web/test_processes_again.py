"""With `WEB_CONCURRENCY=2` a process that cannot be started again leaves the other one at work."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from uvicorn.config import STARTUP_FAILURE

from tests.runtime.test_log_conditions import said
from tests.support.environ import ROOT
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey
from tests.support.web_processes import processes
from tests.web.test_reload_processes import both


@pytest.fixture
def receiver(valkey: Valkey, tmp_path: Path) -> Iterator[Receiver]:
    spool = str(tmp_path / "spool")
    running = Receiver(valkey, tmp_path, WEB_CONCURRENCY="2", RECEIVER_SPOOL_DIR=spool)
    try:
        yield running.start_web()
    finally:
        running.stop()


def test_a_spool_that_one_cannot_use_ends_none_that_serves(
    receiver: Receiver, tmp_path: Path
) -> None:
    first, _ = both(receiver)
    ours, away = tmp_path / "spool/receiver-spool", tmp_path / "spool/away"
    ours.rename(away)
    ours.touch()
    os.kill(first, signal.SIGKILL)
    refused = eventually(lambda: ended(receiver) == [-signal.SIGKILL, 3] and processes(receiver))
    assert refused
    assert receiver.post("/att/sms/mo", mo()).status == 204
    ours.unlink()
    away.rename(ours)
    eventually(lambda: first not in processes(receiver) and both(receiver))
    assert receiver.web
    assert receiver.web.poll() is None


def test_where_none_can_be_started_again_web_ends_with_a_failure(
    receiver: Receiver, tmp_path: Path
) -> None:
    found = both(receiver)
    ours = tmp_path / "spool/receiver-spool"
    ours.rename(tmp_path / "spool/away")
    ours.touch()
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    assert receiver.web
    assert receiver.web.wait(20) == STARTUP_FAILURE
    assert "Not a directory" in receiver.log.read_text()


def ended(receiver: Receiver) -> list[int]:
    """How the first two processes ended."""
    return [one["status"] for one in said(receiver, "web.process_ended")][:2]


def test_one_more_and_one_less_can_be_asked_for(receiver: Receiver) -> None:
    both(receiver)
    assert receiver.web
    receiver.web.send_signal(signal.SIGTTIN)
    more = eventually(lambda: len(found := processes(receiver)) == 3 and found)
    assert more
    os.kill(max(more), signal.SIGKILL)
    eventually(lambda: len(processes(receiver)) == 3 and said(receiver, "web.process_ended"))
    receiver.web.send_signal(signal.SIGTTOU)
    eventually(lambda: len(processes(receiver)) == 2)
    assert receiver.web.poll() is None


_CTRL_C_WHILE_IT_IMPORTS = """
import signal, sys
class CtrlC:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == "receiver.web.app":
            signal.raise_signal(signal.SIGINT)
if "spawn_main" in " ".join(sys.orig_argv):
    sys.meta_path.insert(0, CtrlC)
"""


def test_ctrl_c_is_for_the_one_that_supervises(receiver: Receiver, tmp_path: Path) -> None:
    receiver.stop()
    (tmp_path / "sitecustomize.py").write_text(_CTRL_C_WHILE_IT_IMPORTS)
    receiver.also(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    both(receiver.start_web())
    assert "Traceback" not in receiver.log.read_text()
    assert not ended(receiver)
    assert receiver.web
    os.killpg(receiver.web.pid, signal.SIGINT)
    assert receiver.web.wait(60) == 0
    assert "Traceback" not in receiver.log.read_text()
