"""What an exchange meets on its way: certificates, proxies, a resolver that hangs."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from receiver.config.settings import HttpSink
from tests.support.consumer import Consumer, Handler, consuming
from tests.support.eventually import eventually
from tests.support.forwarding import http_sink
from workers.sinks import http_client
from workers.sinks.http_client import Endpoint, Reply

ROOT = Path(__file__).parents[2]

SILENT_RESOLVER = """
import fcntl, socket, struct, subprocess, sys, time
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 1 | 64))  # SIOCSIFFLAGS: up
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))
subprocess.run(["mount", "--bind", sys.argv[1], "/etc/resolv.conf"], check=True)
"""
HANGING = """
from receiver.config.settings import HttpSink
from workers.sinks.http_client import Endpoint

endpoint = Endpoint(HttpSink(name="hook", url="http://hooks.example.com/", timeout=0.3))
for _ in range(2):
    begun = time.monotonic()
    endpoint.post(None, b"{}", {})
    ((_, reply),) = endpoint.answers(20)
    # Left alone, the resolver asks twice and waits 5 s each time.
    print(reply, "soon" if time.monotonic() - begun < 8 else "late", flush=True)
import os
os._exit(0)
"""


def ask(sink: HttpSink, **headers: str) -> Reply:
    endpoint = Endpoint(sink)
    endpoint.post(None, b"{}", headers)
    ((_, reply),) = endpoint.answers(20)
    return reply


def apart() -> bool:
    """Whether this system lets us have a network and a mount table of our own."""
    unshare = shutil.which("unshare")
    if not unshare:
        return False
    tried = subprocess.run([unshare, "-rmn", "mount"], capture_output=True, check=False)
    return tried.returncode == 0


def test_a_name_server_that_never_answers_holds_an_exchange_no_longer_than_its_deadline(
    tmp_path: Path,
) -> None:
    if not apart():
        pytest.skip("needs unshare, and the right to use it")
    names = tmp_path / "resolv.conf"
    names.write_text("nameserver 127.0.0.1\n")
    done = subprocess.run(
        ["unshare", "-rmn", sys.executable, "-c", SILENT_RESOLVER + HANGING, str(names)],  # noqa: S607
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "no answer within 0.3 s: its name is not resolved soon\n" * 2, done.stderr


@contextmanager
def secure(directory: Path, *, expired: bool = False) -> Iterator[Consumer]:
    """A consumer with a certificate for localhost that nobody has signed but itself."""
    options = (
        "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-keyout key -out pem -addext subjectAltName=DNS:localhost"
    )
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("needs openssl")
    subprocess.run(
        [openssl, "req", *options.split(), "-subj", "/CN=localhost"],
        cwd=directory,
        check=True,
        capture_output=True,
        timeout=60,
    )
    if expired:
        _expire(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "pem", directory / "key")
    with consuming(context) as consumer:
        yield consumer


def _expire(directory: Path) -> None:
    """Sign the certificate anew: it ended a day ago."""
    old = x509.load_pem_x509_certificate((directory / "pem").read_bytes())
    key: Any = load_pem_private_key((directory / "key").read_bytes(), None)
    end = datetime.now(UTC) - timedelta(days=1)
    new = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), old.serial_number)
    new = new.not_valid_before(end - timedelta(days=1)).not_valid_after(end)
    for each in old.extensions:
        new = new.add_extension(each.value, each.critical)
    (directory / "pem").write_bytes(new.sign(key, SHA256()).public_bytes(Encoding.PEM))


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    with secure(tmp_path) as consumer:
        url = f"https://localhost:{consumer.server_port}/"
        sink = http_sink(consumer, url=url, allow=("localhost",))
        assert str(ask(sink)) == "no answer: SSLError: its certificate is not trusted here"
        assert consumer.requests == []


def test_certificates_are_trusted_as_python_trusts_them_and_for_their_names_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secure(tmp_path) as consumer:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "pem"))
        port = consumer.server_port
        named = http_sink(consumer, url=f"https://localhost:{port}/", allow=("localhost",))
        assert ask(named) == (204, 0, b"")
        numbered = http_sink(consumer, url=f"https://127.0.0.1:{port}/")
        assert str(ask(numbered)) == "no answer: SSLError: its certificate is another name's"
        assert len(consumer.requests) == 1


def test_a_certificate_that_has_expired_is_said_to_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secure(tmp_path, expired=True) as consumer:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "pem"))
        url = f"https://localhost:{consumer.server_port}/"
        sink = http_sink(consumer, url=url, allow=("localhost",))
        assert str(ask(sink)) == "no answer: SSLError: its certificate is expired"


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + "x: y\r\n" * 6_000,
        "HTTP/1.1 20400 OK\r\n\r\n",
    ],
)
def test_an_answer_that_nobody_can_read_is_said_to_be_none_of_http(head: str) -> None:
    def behave(_request: object, handler: Handler) -> None:
        handler.wfile.write(head.encode())
        handler.close_connection = True

    with consuming() as consumer:
        consumer.behaviour = behave
        assert str(ask(http_sink(consumer))) == "no answer: HTTPException"


def test_a_proxy_of_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with consuming() as consumer, consuming() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.netloc}")
        assert ask(http_sink(consumer)) == (204, 0, b"")
        assert (len(consumer.requests), proxy.requests) == (1, [])


def test_a_public_address_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "is_public", lambda address: address == "127.0.0.1")
    with consuming() as consumer:
        assert ask(http_sink(consumer, allow=())) == (204, 0, b"")


def test_an_address_written_as_a_number_is_private_all_the_same() -> None:
    with consuming() as consumer:
        for host in ("2130706433", "0x7f000001", "0177.0.0.1", "127.1"):
            url = f"http://{host}:{consumer.server_port}/"
            assert "the address is private" in str(ask(http_sink(consumer, url=url, allow=())))
        assert consumer.requests == []


@pytest.mark.parametrize("value", ["x\r\nevil: 1", "x\nevil: 1", "x\0"])
def test_a_header_holds_no_other_header(value: str) -> None:
    with consuming() as consumer:
        with pytest.raises(ValueError, match="no header"):
            ask(http_sink(consumer), **{"ce-subject": value})
        assert consumer.requests == []


def test_an_empty_header_is_sent_and_none_that_was_not_asked_for() -> None:
    headers = {"ce-subject": "", "ce-id": "1", "user-agent": "us", "content-type": "text/plain"}
    with consuming() as consumer:
        assert ask(http_sink(consumer), **headers) == (204, 0, b"")
        (request,) = consumer.requests
        sent = {"host": consumer.netloc, "content-length": "2"}
        assert request.headers == headers | sent


def test_a_firewall_that_drops_what_is_sent_is_not_taken_for_a_slow_consumer() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as others:
        for _ in range(4):  # more than it keeps: it answers nobody else
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        netloc = f"127.0.0.1:{full.getsockname()[1]}"
        sink = HttpSink(name="hook", url=f"http://{netloc}/", allow=(netloc,), timeout=0.3)
        assert str(ask(sink)) == "no answer within 0.3 s: not connected"


def test_a_busy_connection_ends_so_that_a_name_which_moves_is_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_client, "CONNECTION_SECONDS", 1)
    connections: list[object] = []

    def behave(_request: object, handler: Handler) -> int:
        connections.append(handler.client_address)
        return 204

    with consuming() as consumer:
        consumer.behaviour = behave
        endpoint = Endpoint(http_sink(consumer, concurrency=1))

        def moved() -> bool:
            endpoint.post(None, b"{}", {})
            assert endpoint.answers(20) == [(None, (204, 0, b""))]
            return len(set(connections)) > 1

        eventually(moved, within=20)
        assert len(set(connections)) < len(connections)


def test_more_of_an_answer_than_is_read_does_not_spoil_the_next_one() -> None:
    with consuming() as consumer:
        endpoint = Endpoint(http_sink(consumer, concurrency=1))
        for status, size in ((200, 1_000_000), (204, 0), (500, 10)):

            def behave(_r: object, handler: object, status: int = status, size: int = size) -> None:
                handler.send_response(status)  # type: ignore[attr-defined]
                handler.send_header("content-length", str(size))  # type: ignore[attr-defined]
                handler.end_headers()  # type: ignore[attr-defined]
                handler.wfile.write(b"x" * size)  # type: ignore[attr-defined]

            consumer.behaviour = behave
            endpoint.post(status, b"{}", {})
            assert endpoint.answers(20) == [(status, (status, 0, b"x" * min(size, 512)))]
