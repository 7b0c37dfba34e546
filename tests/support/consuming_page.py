"""The page for consumers: its programs and its events, and what those programs have handled."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.support.eventually import eventually

PAGE = (Path(__file__).parents[2] / "docs/consuming.md").read_text("utf-8")
SNIPPETS = dict(re.findall(r"<!-- snippet: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
EVENTS_SHOWN = dict(re.findall(r"<!-- event: (\S+) -->\n```json\n(.*?)```", PAGE, re.DOTALL))
SECRET = "whsec_" + "c2VjcmV0LW9mLWEtdGVzdC10aGF0LWlzLWxvbmc="


def event(name: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(EVENTS_SHOWN["mo"])
    return shown | {"id": name}


def handled(directory: Path) -> list[str]:
    both = "SELECT event_id, (SELECT count(*) FROM messages) FROM handled ORDER BY handled.rowid"
    with closing(sqlite3.connect(directory / "handled.db", timeout=60)) as database:
        rows = database.execute(both).fetchall()
    assert all(messages == len(rows) for _, messages in rows)
    return [name for name, _ in rows]


@contextmanager
def copied(
    directory: Path, command: list[str], **environ: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """One of the page's commands, running beside its files; Ctrl-C ends a program."""
    for name, text in SNIPPETS.items():
        (directory / name).write_text(text)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    told = {"PATH": path, "HOME": str(directory), "PYTHONPATH": str(directory)} | environ
    errors = directory / "errors"
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(
            command, cwd=directory, env=told, process_group=0, stderr=stderr
        ) as process,
    ):
        try:
            yield process
            if command[0] == sys.executable:
                process.send_signal(signal.SIGINT)
                assert process.wait(60) in (0, -signal.SIGINT)
                assert "Traceback" not in errors.read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def until_listening(process: "subprocess.Popen[bytes]", port: int) -> None:
    """One of the page's endpoints is there; if it ended instead, that is said at once."""
    eventually(lambda: process.poll() is not None or _listens(port))
    assert process.poll() is None, process.args


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
