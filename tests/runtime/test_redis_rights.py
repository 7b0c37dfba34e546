"""A Redis user who may too little is told of at the start; a Redis Cluster and a server that is too
old are refused.
"""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest

from receiver.runtime import redis_rights
from tests.support.commands import RECEIVER, ROOT, free_port, run
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

DOCUMENTED = re.search(
    r"ACL SETUSER receiver on >PASSWORD (.*?)\n```", (ROOT / "docs/security.md").read_text(), re.S
)


def allow(valkey: Valkey, *others: str) -> str:
    """A user with what is documented, and with these rules after it; where to ask as that user."""
    assert DOCUMENTED
    rules = DOCUMENTED[1].split()
    client: Any = valkey.client()
    client.execute_command("ACL", "SETUSER", "few", "reset", "on", ">made-up", *rules, *others)
    return f"{valkey.url}?username=few&password=made-up"


def test_with_what_is_documented_everything_is_done(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(
        '[[sink]]\nname = "jobs"\nkind = "rq"\nqueue = "company"\nfunction = "company.jobs.f"\n'
    )
    valkey = start_valkey()
    receiver = Receiver(valkey, tmp_path)
    receiver.also(REDIS_URL=allow(valkey))
    try:
        receiver.start()
        receiver.acknowledged("/att/sms/mo", mo())
        assert receiver.post("/att/sms/mo", b"{").status == 400
        assert receiver.settled().published == 1
        eventually(lambda: receiver.redis.llen("rq:queue:company") == 1)
        assert receiver.get("/readyz").json()["warnings"] == []
        said = receiver.log.read_text()
        assert "redis.rights" not in said
        assert "ermission" not in said
        log = valkey.client().acl_log()
        assert not [one for one in log if one["username"] == "few"]
    finally:
        receiver.stop()


def test_with_what_is_documented_credentials_are_kept(valkey: Valkey, tmp_path: Path) -> None:
    url = allow(valkey)

    def credentials(*words: str) -> str:
        done = run(tmp_path, "credentials", *words, REDIS_URL=url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert credentials("add", "--label", "att").strip()
    assert credentials("rotate", "att").strip()
    credentials("revoke", "att", "--all")
    assert [one for one in valkey.client().acl_log() if one["username"] == "few"] == []


@pytest.mark.parametrize(
    ("rules", "lacks"),
    [
        (["-info"], "INFO"),
        (["-config|get", "-xadd"], "CONFIG GET, XADD"),
        (["-eval", "-xreadgroup", "-xgroup|create"], "EVAL, XGROUP CREATE, XREADGROUP"),
        (["resetkeys", "~receiver:*"], "rq:*"),
        (["resetkeys", "%R~receiver:*", "~rq:*"], "receiver:*"),
    ],
)
def test_what_a_user_lacks_is_found(valkey: Valkey, rules: list[str], lacks: str) -> None:
    allow(valkey, *rules)
    with valkey.client(username="few", password="made-up") as client:
        assert ", ".join(redis_rights.lacking(client)) == lacks


def test_what_a_user_lacks_is_said_at_the_start(receiver: Receiver) -> None:
    receiver.also(REDIS_URL=allow(receiver.valkey, "-info"))
    receiver.web = receiver.spawn([*RECEIVER, "web"])
    eventually(lambda: "web.starts" in receiver.log.read_text())
    assert '"lacks": "INFO"' in receiver.log.read_text()


def test_trying_the_rights_writes_no_key(valkey: Valkey) -> None:
    assert redis_rights.lacking(valkey.client()) == []
    assert valkey.client().dbsize() == 0


@pytest.mark.parametrize("command", ["web", "worker"])
def test_a_redis_cluster_is_refused_in_a_sentence(
    start_valkey: Callable[..., Valkey], tmp_path: Path, command: str
) -> None:
    port = str(free_port())
    valkey = start_valkey(port=port, cluster_enabled="yes", cluster_port=str(free_port()))
    ours = {"PORT": str(free_port()), "RECEIVER_BEARER_TOKENS": "made-up"}
    done = run(tmp_path, command, REDIS_URL=valkey.url, **ours)
    assert done.returncode == 2
    assert "this is a Redis Cluster, which does not fit" in done.stderr


class _Older(StreamRequestHandler):
    """Pass a connection on to a Valkey, whose INFO reads like that of an older Redis."""

    upstream = ""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as theirs:
            theirs.connect(self.upstream)
            Thread(target=self._ask, args=(theirs,), daemon=True).start()
            while said := theirs.recv(65_536):
                said = said.replace(b"redis_version:7", b"redis_version:6")
                self.request.sendall(said.replace(b"valkey_version", b"vendor_version"))

    def _ask(self, theirs: socket.socket) -> None:
        while asked := self.request.recv(65_536):
            theirs.sendall(asked)
        theirs.shutdown(socket.SHUT_WR)


@contextmanager
def older(valkey: Valkey) -> Iterator[str]:
    """Where a server answers that says it is a Redis 6."""
    _Older.upstream = str(valkey.socket)
    with ThreadingTCPServer(("127.0.0.1", 0), _Older) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()


@pytest.mark.parametrize("command", ["web", "worker", "poll"])
def test_a_redis_before_7_is_refused_in_a_sentence(
    valkey: Valkey, tmp_path: Path, command: str
) -> None:
    ours = {"PORT": str(free_port()), "RECEIVER_BEARER_TOKENS": "made-up"}
    with older(valkey) as url:
        done = run(tmp_path, command, REDIS_URL=url, **ours)
    assert done.returncode == 2
    assert re.search(r"this server is version 6\.\S+, which is too old", done.stderr)
    assert "Redis 7.0, Valkey 7.2 or later is wanted" in done.stderr
