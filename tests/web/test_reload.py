"""A web process takes a changed `receiver.toml` at SIGHUP, and by itself within seconds."""

import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import urllib3

from receiver.web import processes as of_web
from tests.support.commands import RECEIVER, environment, free_port
from tests.support.eventually import eventually
from tests.support.put import put
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey

PROMO = '[[listener]]\nname = "promo"\n'
FLEET = '[[listener]]\nname = "fleet"\n'
HANDSHAKE = '[handshake]\norigins = ["example.com"]\n'
ASKS = {"WebHook-Request-Origin": "example.com"}


@pytest.fixture
def receiver(valkey: Valkey, tmp_path: Path) -> Iterator[Receiver]:
    (tmp_path / "receiver.toml").write_text(PROMO)
    running = Receiver(valkey, tmp_path, RECEIVER_SPOOLDIR="/var/spool")
    try:
        yield running
    finally:
        running.kill()


def status(receiver: Receiver, listener: str) -> int:
    return receiver.post(f"/att/sms/mo/{listener}", mo()).status


def test_listeners_and_handshakes_come_and_go_and_a_request_ends_by_what_it_began_with(
    receiver: Receiver, tmp_path: Path
) -> None:
    web = receiver.start_web().web
    assert web
    assert (status(receiver, "promo"), status(receiver, "fleet")) == (204, 404)
    [warned] = [x for x in receiver.log.read_text().splitlines() if "settings.unknown" in x]
    assert json.loads(warned)["hint"] == "nothing reads it; did you mean RECEIVER_SPOOL_DIR?"
    body = mo()
    with socket.create_connection(("127.0.0.1", receiver.port)) as slow:
        slow.sendall(
            f"POST /att/sms/mo/promo HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Type: application/json\r\nExpect: 100-continue\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
        )
        assert slow.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"  # so the request has begun
        slow.sendall(body[:20])
        put(tmp_path / "receiver.toml", FLEET + HANDSHAKE)
        web.send_signal(signal.SIGHUP)
        eventually(lambda: status(receiver, "fleet") == 204)
        assert status(receiver, "promo") == 404
        slow.sendall(body[20:])
        assert slow.recv(4096).startswith(b"HTTP/1.1 204")
    with urllib3.PoolManager(retries=False) as pool:
        url = f"{receiver.url}/camara/notifications/fleet"
        asked = pool.request("OPTIONS", url, headers=ASKS)
    assert asked.headers["WebHook-Allowed-Origin"] == "example.com"
    paths = receiver.get("/openapi.json").json()["paths"]
    assert paths["/att/sms/mo/{listener}"]["parameters"][0]["schema"] == {"enum": ["fleet"]}
    put(tmp_path / "receiver.toml", "")  # by itself, and any listener is one again
    eventually(lambda: status(receiver, "promo") == 204)


def test_each_of_several_processes_is_told_and_none_is_started_anew() -> None:
    listens = (
        "import signal, sys; signal.signal(signal.SIGHUP, lambda *_: print('told', flush=True));"
        "print('up', flush=True); sys.stdin.read()"
    )
    command, piped = [sys.executable, "-c", listens], subprocess.PIPE
    started = [subprocess.Popen(command, stdin=piped, stdout=piped) for _ in range(2)]
    supervisor = of_web.Processes.__new__(of_web.Processes)
    supervisor.processes = [SimpleNamespace(pid=one.pid, exitcode=None) for one in started]  # type: ignore[misc]
    try:
        assert [one.stdout.readline() for one in started if one.stdout] == [b"up\n"] * 2
        supervisor.handle_hup()
        assert [one.stdout.readline() for one in started if one.stdout] == [b"told\n"] * 2
        assert [one.poll() for one in started] == [None, None]
    finally:
        for one in started:
            one.communicate()


def test_a_process_that_does_not_listen_yet_is_not_ended_by_sighup() -> None:
    with of_web._without_signals():
        waits = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
        said = subprocess.check_output([sys.executable, "-c", waits])
    assert b"SIGHUP" in said


@pytest.mark.parametrize("processes", ["1", "2"])
def test_where_the_terminal_is_gone_it_ends(valkey: Valkey, tmp_path: Path, processes: str) -> None:
    ours, theirs = pty.openpty()
    environ = environment(
        REDIS_URL=valkey.url,
        PORT=str(free_port()),
        RECEIVER_BEARER_TOKENS=TOKEN,
        WEB_CONCURRENCY=processes,
    )
    with subprocess.Popen(
        [*RECEIVER, "web"],
        cwd=tmp_path,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_on_its_terminal,
    ) as web:
        os.close(theirs)
        seen = b""
        try:
            while b"web.starts" not in seen:
                seen += os.read(ours, 65536)
            web.send_signal(signal.SIGHUP)  # with a terminal it asks for the file
            with pytest.raises(subprocess.TimeoutExpired):
                web.wait(1.5)
            os.close(ours)
            assert web.wait(60) in (0, -signal.SIGTERM)  # as it is stopped
        finally:
            web.kill()


def _on_its_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
