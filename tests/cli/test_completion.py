"""What the shell and `man` know of the commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.cli import COMMANDS
from tests.support.command_line import LEAVES, here
from tests.support.commands import ROOT
from tests.support.environ import environment
from tests.support.fronts import tool

DOCS = (ROOT / "docs/operating.md").read_text("utf-8")
PROGRAM = f"""#!/bin/sh
exec {sys.executable} -c 'from receiver.cli import main; main(prog_name="receiver")' "$@"
"""
COMPLETE = """
COMPREPLY=(); COMP_WORDS=(receiver {words}); COMP_CWORD={place}
{function} receiver; echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_what_the_page_tells_to_load(shell: str, tmp_path: Path) -> None:
    assert f"_RECEIVER_COMPLETE={shell}_source receiver" in DOCS
    script = here(tmp_path, _RECEIVER_COMPLETE=f"{shell}_source")
    assert script.code == 0
    assert f"_RECEIVER_COMPLETE={shell}_complete" in script.out
    assert shell != "fish" or 'split --max 1 ","' in script.out


@pytest.mark.skipif(not shutil.which("fish"), reason="there is no fish on this machine")
def test_fish_shows_a_description_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "receiver").write_text(PROGRAM)
    (tmp_path / "receiver").chmod(0o755)
    loaded = here(tmp_path, _RECEIVER_COMPLETE="fish_source").out
    command = [tool("fish"), "--no-config", "-c", loaded + '\ncomplete -C "receiver doct"']
    environ = environment(PATH=f"{tmp_path}:{os.environ['PATH']}")
    said = subprocess.check_output(command, env=environ, cwd=tmp_path, text=True, timeout=60)
    assert said.splitlines() == [f"doctor\t{COMMANDS['doctor']}"]


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    loaded = here(tmp_path, _RECEIVER_COMPLETE="bash_source").out
    function = loaded.split("()", 1)[0].split()[-1]
    (tmp_path / "receiver").write_text(PROGRAM)
    (tmp_path / "receiver").chmod(0o755)
    environ = environment()
    environ["PATH"] = f"{tmp_path}:{environ['PATH']}"
    typed = {
        "s": {name for name in COMMANDS if name.startswith("s")},
        "sinks sk": {"skip-parked"},
        "send deliv": {"delivery-status", "delivery-failed"},
        "ledger --j": {"--json"},
    }
    loads = 'eval "$(_RECEIVER_COMPLETE=bash_source receiver)"'
    asks = [
        COMPLETE.format(words=words, place=len(words.split()), function=function) for words in typed
    ]
    said = subprocess.run(
        [tool("bash"), "-c", "".join([loads, *asks])],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    offered = [set(line.split()) for line in said.stdout.splitlines()]
    assert offered == list(typed.values()), said.stderr


def test_the_man_page_is_what_the_help_says() -> None:
    command = [sys.executable, "-m", "receiver.cli.man_page"]  # as `make man` runs it
    page = subprocess.check_output(command, env=environment(), text=True)
    assert (ROOT / "deploy/man/receiver.1").read_text("utf-8") == page  # else: make man
    plain = page.replace("\\-", "-")
    assert [leaf.name for leaf in LEAVES if f'.SS "receiver {leaf.name}"' not in page] == []
    for leaf in LEAVES:
        assert leaf.json is None or f"receiver {leaf.name}" in plain
    assert not [line for line in page.splitlines() if line.startswith("'")]
