"""A log on a terminal: colours where they are wanted, and what keeps a process from its start."""

import os
import pty
import subprocess
import sys

import pytest

from tests.support.environ import environment

PROGRAM = (
    "from receiver.runtime import logs; import structlog; logs.configure('info');"
    "structlog.get_logger().warning('sink.circuit', sink='hook');"
    "logs.say_refusal(['PORT is taken', 'so is HOST'])"
)


def seen(**environ: str) -> str:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", PROGRAM]
    subprocess.run(command, stderr=theirs, env=environment(**environ), check=True, timeout=30)
    os.close(theirs)
    with open(ours, "rb", buffering=0) as terminal:
        return terminal.read(65536).decode()


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colours_are_there_unless_they_are_turned_off(
    environ: dict[str, str], coloured: bool
) -> None:
    said = seen(**environ)
    assert ("\x1b[" in said) == coloured
    assert "sink.circuit" in said
    assert "receiver: PORT is taken\r\nreceiver: so is HOST\r\n" in said
