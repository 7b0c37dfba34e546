"""The installed wheel, in an empty directory and without a checkout: from nothing to an event."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from receiver import __version__
from tests.support.commands import ROOT, free_port
from tests.support.wheels import (
    build_wheel,
    install_beside_ours,
    install_by_pipx,
    install_from_lock,
)


class Installed:
    """The commands of one installation, and an empty directory to run them in."""

    def __init__(self, commands: Path, directory: Path) -> None:
        self.program = commands / "receiver"
        self.directory = directory
        self.environ = {"PATH": os.defpath, "HOME": str(directory), "PORT": str(free_port())}

    def run(self, *arguments: str) -> str:
        """One command to its end, which must be a good one. Returns its output."""
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.directory,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def up(self, console: int) -> Iterator["subprocess.Popen[str]"]:
        """`receiver up --demo`, interrupted at the end of the block."""
        with subprocess.Popen(
            [self.program, "up", "--demo", "--console-port", str(console)],
            cwd=self.directory,
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
            finally:
                process.kill()  # or the end of the block would wait for it for ever


def goes_from_nothing_to_an_event(installed: Installed) -> None:
    """What a new user does first."""
    assert installed.run("--version") == f"receiver, version {__version__}\n"
    installed.run("init")
    assert (installed.directory / "receiver.toml").read_bytes()
    installed.run("config", "check")
    console = free_port()
    with installed.up(console) as process:
        assert process.stdout
        types = {json.loads(process.stdout.readline())["type"] for _ in range(3)}
        page = urllib3.request("GET", f"http://127.0.0.1:{console}/static/console.css")
        sign_in = urllib3.request("GET", f"http://127.0.0.1:{console}/login")
        installed.run("simulate", "--count", "20")
        assert json.loads(installed.run("ledger", "--json"))["balanced"]
    assert types == {
        "sms.message.received.v1",
        "sms.delivery.updated.v1",
        "device.reachability.changed.v1",
    }
    assert (page.status, b"<html" in sign_in.data) == (200, True)
    assert process.returncode == 0


def test_the_wheel_alone_takes_a_new_user_from_nothing_to_an_event(tmp_path: Path) -> None:
    wheel = build_wheel(ROOT, tmp_path)
    commands = install_beside_ours(wheel, tmp_path / "venv")
    (tmp_path / "empty").mkdir()
    goes_from_nothing_to_an_event(Installed(commands, tmp_path / "empty"))


@pytest.mark.soak
@pytest.mark.parametrize("way", ["pip", "pipx"])
def test_installed_from_the_index_it_does_the_same(tmp_path: Path, way: str) -> None:
    if way == "pipx" and not shutil.which("pipx"):
        pytest.skip("there is no pipx on this machine")
    wheel = build_wheel(ROOT, tmp_path)
    commands = (
        install_by_pipx(wheel, tmp_path / "pipx")
        if way == "pipx"
        else install_from_lock(wheel, tmp_path / "venv", ROOT / "requirements-embedded.lock")
    )
    (tmp_path / "empty").mkdir()
    goes_from_nothing_to_an_event(Installed(commands, tmp_path / "empty"))
