"""`receiver doctor`: a good setup, files and settings left open, and what it says of them."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from receiver.auth.bearer import Credential
from receiver.auth.credential_store import add
from receiver.config.settings import Settings
from receiver.doctor.environment import check_environment
from tests.support.eventually import eventually
from tests.support.examined import GOOD, MEMORY, examined, grave
from tests.support.running import Receiver
from tests.support.valkey import Valkey


def test_a_good_setup_at_work_has_reminders_only(receiver: Receiver, tmp_path: Path) -> None:
    receiver.also(RECEIVER_BEARER_TOKENS=GOOD)
    receiver.start_worker()
    eventually(lambda: receiver.redis.smembers("rq:workers:receiver-normalise"))
    found = examined(tmp_path, receiver.valkey.url, status=0)
    assert {one["severity"] for one in found.values()} == {"note"}
    spool = {"RECEIVER_SPOOL_DIR": str(tmp_path / "spool")}
    assert examined(tmp_path, receiver.valkey.url, status=0, **spool) == {}
    assert not (tmp_path / "spool").exists()


@pytest.mark.skipif(not MEMORY.is_mount(), reason="no memory file system here")
def test_a_spool_in_memory_is_found(valkey: Valkey, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        found = examined(tmp_path, valkey.url, RECEIVER_SPOOL_DIR=f"{directory}/to be made")
        assert grave(found, "lies on an ephemeral file system (tmpfs)") == "serious"


def test_traces_that_are_asked_for_and_not_to_be_had_are_found(
    valkey: Valkey, tmp_path: Path
) -> None:
    asked: Any = {"OTEL_TRACES_EXPORTER": "otlp"}
    assert "traces" not in str(examined(tmp_path, valkey.url, **asked))
    found = examined(tmp_path, valkey.url, OTEL_EXPORTER_OTLP_PROTOCOL="grpc", **asked)
    assert grave(found, "http/protobuf is wanted") == "note"


def test_a_spool_that_nobody_can_write_or_that_has_no_room_is_found(
    valkey: Valkey, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    found = examined(tmp_path, valkey.url, RECEIVER_SPOOL_DIR=f"{in_the_way}/spool")
    assert grave(found, "cannot be written (RECEIVER_SPOOL_DIR)") == "serious"
    spool = str(tmp_path / "spool")
    found = examined(
        tmp_path, valkey.url, RECEIVER_SPOOL_DIR=spool, RECEIVER_SPOOL_BYTES="900000gb"
    )
    assert grave(found, "the spool may take 921600000 MiB, and its disk has") == "warning"


def test_whoever_could_get_in_is_found(valkey: Valkey, tmp_path: Path) -> None:
    assert grave(examined(tmp_path, valkey.url, token="short"), "fewer than 20") == "serious"
    assert grave(examined(tmp_path, valkey.url, token=""), "no credential") == "serious"
    assert grave(examined(tmp_path, valkey.url, HOST="::"), "HOST=::") == "note"
    data = tmp_path / "var"
    data.mkdir()
    (data / "demo-token").write_text(GOOD)
    data.chmod(0o777)
    for mode in (0o640, 0o620, 0o604, 0o602):
        (data / "demo-token").chmod(mode)
        found = examined(tmp_path, valkey.url)
        assert grave(found, "demo-token is open to other users") == "serious"
    assert grave(found, "any user of this machine may write") == "serious"
    assert grave(found, "the token of `receiver up --demo` is valid") == "warning"
    (fix,) = (one["fix"] for what, one in found.items() if "is open to" in what)
    subprocess.run(fix.split(), cwd=tmp_path, check=True)
    assert not any("is open to" in what for what in examined(tmp_path, valkey.url))
    add(valkey.client(), GOOD, Credential(label="demo"))
    assert (
        grave(examined(tmp_path, valkey.url), "(demo) is the token of `receiver up --demo`")
        == "warning"
    )


def test_a_receiver_toml_that_anybody_may_write_is_found_wherever_it_is(
    valkey: Valkey, tmp_path: Path
) -> None:
    beside = tmp_path / "etc"
    beside.mkdir()
    config = beside / "ours.toml"
    config.write_text("")

    def found() -> list[str]:
        said = examined(tmp_path, valkey.url, RECEIVER_CONFIG=str(config))
        return [what for what in said if what.startswith("any user of this machine may write")]

    assert found() == []
    config.chmod(0o666)
    assert found() == [f"any user of this machine may write {config}"]
    config.chmod(0o600)
    beside.chmod(0o777)
    assert found() == [f"any user of this machine may write {beside}"]
    beside.chmod(0o1777)  # others may not take its place there
    assert found() == []


def test_what_is_parked_and_polled_and_the_listen_secret_are_open_to_nobody_else(
    valkey: Valkey, tmp_path: Path
) -> None:
    park = tmp_path / "park"
    opened = [park / "receiver-parking", tmp_path / "var/pages", tmp_path / "var/listen-secret"]
    for directory in opened[:2]:
        directory.mkdir(parents=True, mode=0o755)
    opened[2].touch(mode=0o644)
    found = examined(tmp_path, valkey.url, RECEIVER_PARK_DIR=str(park))
    for path in opened:
        assert grave(found, f"{path.name} is open to other users") == "serious"
        path.chmod(path.stat().st_mode & 0o700)
    found = examined(tmp_path, valkey.url, RECEIVER_PARK_DIR=str(park))
    assert not any("is open to" in what for what in found)


def test_a_copy_of_the_stream_without_a_bound_is_a_reminder(valkey: Valkey, tmp_path: Path) -> None:
    sink = '[[sink]]\nname = "{0}"\nkind = "redis-stream"\nstream = "{0}"\n'
    (tmp_path / "receiver.toml").write_text(
        sink.format("copy") + sink.format("bounded") + "max_length = 1000\n"
    )
    found = examined(tmp_path, valkey.url)
    assert grave(found, "neither max_length nor max_age_hours") == "note"
    assert "the sink copy has neither max_length nor max_age_hours" in found


@pytest.mark.parametrize(
    ("url", "part", "severity"),
    [
        ("redis://redis.example.com:1/0", "no password", "serious"),
        ("redis://:secret@redis.example.com:1/0", "without TLS", "warning"),
        ("redis://:secret@redis:1/0", "without TLS", "note"),
    ],
)
def test_an_address_that_lets_others_read_along_is_found(
    tmp_path: Path, url: str, part: str, severity: str
) -> None:
    settings = Settings(data_dir=tmp_path, spool_dir=tmp_path)
    found = {
        one.what: {"severity": str(one.severity)} for one in check_environment(settings, [], url)
    }
    assert grave(found, part) == severity
    assert "secret" not in str(found)
