"""Our requests to an operator: sent once, answered or not, held back, and with a token."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from receiver.outbound import (
    Answer,
    BadUrl,
    FixedHeaders,
    Limits,
    NotSent,
    OperatorClient,
    Unanswered,
    check_url,
)
from tests.support.commands import free_port
from tests.support.consumer import consuming
from tests.support.operators import V08, Simulated
from tests.support.outbound import FAST, ask, create


def test_a_subscription_is_created_read_and_deleted(operator: Simulated) -> None:
    async def all_of_it(client: OperatorClient) -> list[int]:
        made = await create(operator)(client)
        url = f"{operator.url}{V08}/{made.document['id']}"
        read = await client.request("GET", url)
        deleted = await client.request("DELETE", url)
        gone = await client.request("GET", url)
        assert gone.code == "NOT_FOUND"
        assert deleted.document is None
        return [each.status for each in (made, read, deleted, gone)]

    assert ask(operator, all_of_it) == [201, 200, 204, 404]
    assert operator.books()["requests"]["token 200"] == 1


@pytest.mark.parametrize(
    ("effect", "raised", "applied"),
    [("drop", Unanswered, 0), ("lost", Unanswered, 1), ("truncated", Unanswered, 1)],
)
def test_a_request_without_an_answer_is_not_sent_again(
    operator: Simulated, effect: str, raised: type[Exception], applied: int
) -> None:
    operator.control("faults", operation="create", effect=effect)
    with pytest.raises(raised):
        ask(operator, create(operator))
    books = operator.books()
    assert (books["live"], books["requests"]["create 0"]) == (applied, 1)


def test_what_is_no_json_is_an_answer_without_a_document(operator: Simulated) -> None:
    operator.control("faults", operation="create", effect="unreadable")
    answer = ask(operator, create(operator))
    assert (answer.status, answer.document, answer.code) == (201, None, "")


def test_where_nobody_listens_nothing_was_sent() -> None:
    async def run() -> None:
        async with OperatorClient(FixedHeaders({}), FAST) as client:
            await client.request("POST", f"http://127.0.0.1:{free_port()}/x", {})

    with pytest.raises(NotSent, match="no connection"):
        asyncio.run(run())


def test_a_slow_answer_ends_at_the_deadline_and_may_have_been_applied(operator: Simulated) -> None:
    operator.control("faults", operation="create", effect="slow", delay=30)
    with pytest.raises(Unanswered, match="no answer within 3 s"):
        ask(operator, create(operator), Limits(rate=1000, deadline=3))


@contextmanager
def speaking(*pieces: bytes, pause: float = 0) -> Iterator[str]:
    """A server that says this to every request, piece by piece."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    for piece in pieces:
                        connection.sendall(piece)
                        done.wait(pause)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    finally:
        done.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def plainly(url: str, limits: Limits = FAST) -> Answer:
    async def run() -> Answer:
        async with OperatorClient(FixedHeaders({"x-key": "k"}), limits) as client:
            return await client.request("GET", url)

    return asyncio.run(run())


def test_a_document_goes_out_as_json_and_nothing_comes_back_that_was_not_asked_for() -> None:
    async def two(url: str) -> None:
        async with OperatorClient(FixedHeaders({"x-key": "k"}), FAST) as client:
            await client.request("POST", url, {"a": 1}, headers={"x-correlator": "c"})
            await client.request("POST", url)

    with consuming() as operator:
        operator.behaviour = lambda _, handler: handler.answer(204, set_cookie="kept=1")
        asyncio.run(two(operator.url))
    first, second = operator.requests
    assert (first.headers["content-type"], first.body) == ("application/json", b'{"a":1}')
    assert (first.headers["x-correlator"], first.headers["x-key"]) == ("c", "k")
    assert second.headers.keys().isdisjoint(("content-type", "x-correlator", "cookie"))
    assert second.headers["user-agent"].startswith("telecom-receiver/")
    assert second.headers["accept-encoding"] == "identity"


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def test_a_server_that_says_a_byte_now_and_then_does_not_hold_a_request() -> None:
    drips = [HEAD + b"content-length: 1000\r\n\r\n", *[b"x"] * 1000]
    with (
        speaking(*drips, pause=0.2) as url,
        pytest.raises(Unanswered, match="no answer within"),
    ):
        plainly(url, Limits(rate=1000, deadline=2))


def test_an_answer_beyond_the_cap_is_none() -> None:
    endless = [HEAD + b"connection: close\r\n\r\n", b"x" * 5000]
    with speaking(*endless) as url, pytest.raises(Unanswered, match="more than 4096 bytes"):
        plainly(url, Limits(rate=1000, most_bytes=4096))


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    with speaking(moved) as url:
        assert plainly(url).status == 302


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError), context.wrap_socket(connection, True) as secure:
                heard.append(secure.recv(65536))

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(NotSent, match="TLS failed"):
            plainly(f"https://127.0.0.1:{listener.getsockname()[1]}/x")
        thread.join()
    assert heard in ([], [b""])


def self_signed(directory: Path) -> Path:
    """A certificate for 127.0.0.1 and its key, good today."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    file = directory / "certificate.pem"
    file.write_bytes(key.private_bytes(pem, form, plain) + built.public_bytes(pem))
    return file


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "ftp://api.example.com",
        "https://",
        "api.example.com",
        "https://user:secret@api.example.com",
        "https://api.example.com/#part",
        "https://api.example.com:port",
        "https://api.example.com/ x",
        "https://api.example.com/\n",
        "https://[::1",
        "",
    ],
)
def test_a_url_that_is_not_safe_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadUrl) as refused:
        check_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["https://api.example.com/x?y=1", "http://127.0.0.1:8090", "http://[::1]", "http://localhost"],
)
def test_https_is_taken_and_http_on_this_machine(url: str) -> None:
    check_url(url)
