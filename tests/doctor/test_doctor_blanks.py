"""What `receiver doctor` prints to be run works also where a directory has blanks in its name."""

import subprocess
from pathlib import Path
from typing import Any

from receiver.intake.spool import location
from tests.support.examined import GOOD, examined
from tests.support.valkey import Valkey


def test_the_remedies_for_files_can_be_run_as_they_are(valkey: Valkey, tmp_path: Path) -> None:
    data = tmp_path / "our data; for sms"
    for directory in (data / "pages", data / "spool", data / "parked/receiver-parking"):
        directory.mkdir(parents=True)
    (data / "pages/promo.damaged").touch()
    (location.prepare(data / "spool") / "spool-0.damaged").touch()
    (location.own(data / "spool") / "spool-1.log").mkdir()
    (data / "demo-token").write_text("x")
    data.chmod(0o777)
    environ: Any = {
        "RECEIVER_DATA_DIR": str(data),
        "RECEIVER_SPOOL_DIR": str(data / "spool"),
        "RECEIVER_PARK_DIR": str(data / "parked"),
        "RECEIVER_BEARER_TOKENS": GOOD,
    }
    found = examined(tmp_path, valkey.url, **environ)
    fixes = [one["fix"] for one in found.values() if one["fix"].startswith(("chmod", "ls"))]
    assert len(fixes) == 7
    for fix in fixes:
        subprocess.run(["/bin/sh", "-c", fix], cwd=tmp_path, check=True)
    left = examined(tmp_path, valkey.url, **environ)
    assert not [one["fix"] for one in left.values() if one["fix"].startswith("chmod")]


def test_the_remedy_for_a_spool_that_is_not_there_makes_it(valkey: Valkey, tmp_path: Path) -> None:
    spool = tmp_path / "a file"
    spool.touch()
    environ: Any = {"RECEIVER_SPOOL_DIR": str(spool / "our spool"), "RECEIVER_BEARER_TOKENS": GOOD}
    found = examined(tmp_path, valkey.url, **environ)
    (fix,) = (one["fix"] for what, one in found.items() if "cannot be written" in what)
    spool.unlink()
    subprocess.run(["/bin/sh", "-c", fix], cwd=tmp_path, check=True)
    assert (spool / "our spool").is_dir()
