"""The processes that serve under one `receiver web`, and what sockets they have (Linux)."""

import os
from pathlib import Path
from typing import Final

from tests.support.running import Receiver

ACCEPTED: Final = "01"
LISTENS: Final = "0A"


def processes(receiver: Receiver) -> set[int]:
    """Those that serve, under the one that was started."""
    assert receiver.web
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(") ")[2].split()[1])
            words = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended since
        if parent == receiver.web.pid and b"multiprocessing-fork" in words:
            found.add(int(stat.parent.name))
    return found


def holds(pid: int, port: int, state: str = ACCEPTED) -> bool:
    """Whether a process, which may have ended since it was found, has a socket in this state at
    this port: proc(5), /proc/net/tcp.
    """
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {
        f"socket:[{words[9]}]"
        for words in lines
        if words[1].endswith(f":{port:04X}") and words[3] == state
    }
    try:
        return any(os.readlink(one) in ours for one in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return False
