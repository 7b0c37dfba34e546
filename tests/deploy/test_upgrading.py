"""What an upgrade under systemd, as docs/upgrading.md has it, puts in place and leaves alone."""

import stat
import subprocess
from pathlib import Path

from tests.support.commands import ROOT
from tests.support.fronts import DEPLOY
from tests.support.pages import blocks

EDITED = "[Service]\nExecStart=/usr/bin/redis-server ... --bind 127.0.0.1 10.0.0.5\n"


def test_an_upgrade_brings_units_and_the_command_and_leaves_valkey_s_unit_alone(
    tmp_path: Path,
) -> None:
    units, programs = tmp_path / "units", tmp_path / "programs"
    for directory in (units, programs):
        directory.mkdir()
    valkey = units / "receiver-valkey.service"
    valkey.write_text(EDITED)  # the address for other machines, or a Redis
    _install(units, programs)
    assert valkey.read_text() == EDITED
    for half in ("web", "worker", "poll", "console"):
        name = f"receiver-{half}.service"
        assert (units / name).read_bytes() == (DEPLOY / "systemd" / name).read_bytes()
    command = programs / "receiver"
    assert command.read_bytes() == (DEPLOY / "systemd/receiver").read_bytes()
    assert command.stat().st_mode & stat.S_IXOTH

    valkey.unlink()  # a machine whose Valkey is elsewhere
    _install(units, programs)
    assert not valkey.exists()


def _install(units: Path, programs: Path) -> None:
    """What the page's first block for systemd installs, into directories of the test's."""
    block = next(one for one in blocks(ROOT / "docs/upgrading.md") if one.tag == "root")
    lines = [line for line in block.text.splitlines() if line.startswith("install ")]
    script = "\n".join(lines).replace("/etc/systemd/system/", f"{units}/")
    script = script.replace("/usr/local/bin/", f"{programs}/")
    assert lines
    assert str(units) in script
    subprocess.run(["/bin/sh", "-eu", "-c", script], cwd=ROOT, check=True, timeout=60)
