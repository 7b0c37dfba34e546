"""How `receiver doctor` prints what it finds: on a terminal, and into a pipe."""

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

from receiver.contract.redis_keys import sink_state
from tests.support.commands import RECEIVER, environment, run
from tests.support.eventually import eventually
from tests.support.examined import GOOD
from tests.support.running import Receiver
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import create_group


def test_into_a_pipe_it_prints_a_document_for_each(valkey: Valkey, tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", REDIS_URL=valkey.url, RECEIVER_BEARER_TOKENS="short")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found[0]["severity"] == "serious"
    assert all(one["fix"] for one in found)
    assert '"short"' not in done.stdout


def test_on_a_terminal_it_prints_the_gravest_first_with_what_a_stranger_wrote_made_harmless(
    valkey: Valkey, tmp_path: Path
) -> None:
    create_group(valkey.client(), "hook", "0")
    valkey.client().hset(sink_state("hook"), "stopped", "\x1b[2Janswered 410")
    said = _on_a_terminal(tmp_path, REDIS_URL=valkey.url, RECEIVER_BEARER_TOKENS=GOOD)
    assert "the sink hook is stopped: \N{REPLACEMENT CHARACTER}[2Janswered 410" in said
    assert "receiver sinks start hook" in said
    assert 0 <= said.index("serious") < said.index("note")
    assert "\x1b[2J" not in said


def test_on_a_terminal_it_says_when_all_is_well(receiver: Receiver, tmp_path: Path) -> None:
    receiver.start_worker()
    eventually(lambda: receiver.redis.smembers("rq:workers:receiver-normalise"))
    spool = str(tmp_path / "spool")
    url = receiver.valkey.url
    said = _on_a_terminal(
        tmp_path, REDIS_URL=url, RECEIVER_SPOOL_DIR=spool, RECEIVER_BEARER_TOKENS=GOOD
    )
    assert "Nothing found." in said


def _on_a_terminal(cwd: Path, **environ: str) -> str:
    """What `receiver doctor` writes on one of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    subprocess.run(
        [*RECEIVER, "doctor"],
        cwd=cwd,
        env=environment(TERM="xterm", **environ),
        stdout=theirs,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    said = b""
    with open(ours, "rb", buffering=0) as terminal, contextlib.suppress(OSError):
        while chunk := terminal.read(65536):  # what was written comes in any number of pieces
            said += chunk
    return said.decode()
