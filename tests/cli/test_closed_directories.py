import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import RECEIVER, environment, free_port
from tests.support.valkey import Valkey

NO_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
"""Root, too, needs the right to search a directory then."""
OF_A_FILE = ["web", "worker", "poll", "send mo", "status", "sinks list", "config check", "listen"]
"""Commands that read receiver.toml here, or keep a secret here."""
OF_SPOOLS = ["ledger", "status"]
SECRETS = ["listen --print-secret", "listen --count 1", "verify body"]

pytestmark = pytest.mark.skipif(
    os.geteuid() == 0 and not shutil.which("setpriv"),
    reason="root may search every directory, and there is no setpriv",
)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A directory that is closed as soon as a command works in it."""
    directory = tmp_path / "closed"
    directory.mkdir()
    yield directory
    directory.chmod(0o700)


def run(
    closed: Path, cwd: Path, command: str, valkey: Valkey, **environ: str
) -> "subprocess.CompletedProcess[str]":
    """The command, once `closed` may not be searched any more."""
    begin = ["/bin/sh", "-c", 'chmod 0 "$0" && exec "$@"', str(closed)]
    rights = NO_RIGHTS if os.geteuid() == 0 else []
    known = {"REDIS_URL": valkey.url, "PORT": str(free_port())}
    known["RECEIVER_BEARER_TOKENS"] = "made-up-and-long-enough"
    done = subprocess.run(
        [*begin, *rights, *RECEIVER, *command.split()],
        cwd=cwd,
        env=environment(**known | environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize("command", OF_A_FILE)
def test_a_current_directory_that_may_not_be_searched_is_said_in_a_sentence(
    closed: Path, valkey: Valkey, command: str
) -> None:
    done = run(closed, closed, command, valkey)
    assert done.returncode == (1 if command == "config check" else 2)
    assert "Permission denied" in done.stdout + done.stderr


@pytest.mark.parametrize("command", SECRETS)
def test_a_data_directory_that_may_not_be_searched_is_said_where_a_secret_is_wanted(
    closed: Path, tmp_path: Path, valkey: Valkey, command: str
) -> None:
    (tmp_path / "body").write_bytes(b"{}")
    done = run(closed, tmp_path, command, valkey, RECEIVER_DATA_DIR=str(closed / "var"))
    assert done.returncode == 2
    secret = closed / "var/listen-secret"
    assert f"{secret}: Permission denied; set RECEIVER_LISTEN_SECRET" in done.stderr


@pytest.mark.parametrize("variable", ["RECEIVER_SPOOL_DIR", "RECEIVER_DATA_DIR"])
@pytest.mark.parametrize("command", OF_SPOOLS)
def test_a_spool_that_may_not_be_searched_does_not_hide_what_redis_has(
    closed: Path, tmp_path: Path, valkey: Valkey, command: str, variable: str
) -> None:
    done = run(closed, tmp_path, command, valkey, **{variable: str(closed / "spool")})
    assert done.returncode in (0, 1)
    if command == "ledger":
        assert "receiver-spool in the spool cannot be read: Permission denied" in done.stderr


def test_web_does_not_start_with_a_spool_that_may_not_be_searched(
    closed: Path, tmp_path: Path, valkey: Valkey
) -> None:
    done = run(closed, tmp_path, "web", valkey, RECEIVER_SPOOL_DIR=str(closed / "spool"))
    assert done.returncode == 2
    assert "Permission denied; a directory to write in is wanted" in done.stderr


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("RECEIVER_CONFIG", "receiver.toml is not in use as it stands"),
        ("RECEIVER_DATA_DIR", "the pages of polls in "),
        ("RECEIVER_SPOOL_DIR", "cannot be written (RECEIVER_SPOOL_DIR)"),
    ],
)
def test_the_doctor_finds_what_may_not_be_searched(
    closed: Path, tmp_path: Path, valkey: Valkey, variable: str, said: str
) -> None:
    done = run(closed, tmp_path, "doctor --json", valkey, **{variable: str(closed / "one")})
    assert done.returncode == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(said in one["what"] for one in found)


def test_the_doctor_goes_on_in_a_directory_that_may_not_be_searched(
    closed: Path, valkey: Valkey
) -> None:
    done = run(closed, closed, "doctor --json", valkey)
    assert done.returncode == 1
    whats = [json.loads(line)["what"] for line in done.stdout.splitlines()]
    assert any("RECEIVER_CONFIG='receiver.toml': Permission denied" in what for what in whats)


def test_a_secret_that_is_no_text_is_said_in_a_sentence(tmp_path: Path, valkey: Valkey) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var/listen-secret").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").mkdir()
    done = run(tmp_path / "empty", tmp_path, "listen --print-secret", valkey)
    assert done.returncode == 2
    assert "var/listen-secret is no secret" in done.stderr


@pytest.mark.parametrize(
    ("command", "file"), [("ledger", "redis-url"), ("poll", "redis-url"), ("send mo", "demo-token")]
)
def test_what_receiver_up_has_stored_for_another_user_is_not_said_to_be_missing(
    closed: Path, tmp_path: Path, valkey: Valkey, command: str, file: str
) -> None:
    url = "" if file == "redis-url" else valkey.url
    environ = {"REDIS_URL": url, "RECEIVER_DATA_DIR": str(closed)}
    done = run(closed, tmp_path, command, valkey, **environ)
    assert done.returncode == 2
    assert f"{closed / file}: Permission denied" in done.stderr
