"""What the proxies of `deploy/` let through, keep out and keep to themselves."""

import json
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
import urllib3

from tests.support import fronts
from tests.support.commands import free_port, has_ipv6
from tests.support.fronts import Front, tls
from tests.support.running import AUTHORIZED, TOKEN, Receiver, mo

Start = Callable[..., AbstractContextManager[Front]]


@pytest.fixture(params=["nginx", "caddy"])
def start(request: pytest.FixtureRequest) -> Start:
    """Starts one of the proxies in a directory, before some ports."""
    fronts.tool(request.param)
    warnings.filterwarnings("ignore", category=urllib3.exceptions.InsecureRequestWarning)
    found: Start = getattr(fronts, request.param)
    return found


@pytest.fixture
def front(start: Start, receiver: Receiver, tmp_path: Path) -> Iterator[Front]:
    """A proxy before a receiver."""
    receiver.start_web()
    with start(tmp_path, receiver.port) as running:
        yield running


def test_what_a_carrier_sends_and_is_answered_passes(front: Front, receiver: Receiver) -> None:
    in_query = front.post(f"/att/sms/mo/promo?access_token={TOKEN}", body=mo())
    assert in_query.status == 204
    assert in_query.headers["x-receipt-id"]
    assert front.post("/camara/notifications", body=b"{}", headers=AUTHORIZED).status == 400
    assert front.post("/att/sms/mo", body=mo(), headers=AUTHORIZED).status == 204
    refused = front.post("/att/sms/mo", body=mo())
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert front.pool.request("OPTIONS", front.url + "/camara/notifications").status == 405
    assert receiver.books().accepted == 2


def test_only_the_carriers_paths_are_to_be_seen_from_outside(front: Front) -> None:
    for path in ("/", "/readyz", "/metrics", "/healthz", "/openapi.json", "/att"):
        assert front.pool.request("GET", front.url + path, redirect=False).status == 404, path


def test_the_receiver_refuses_what_is_too_large_and_keeps_its_head(
    front: Front, receiver: Receiver
) -> None:
    body = b"x" * 262_145
    assert front.post("/att/sms/mo", body=body, headers=AUTHORIZED).status == 413
    chunks = (b"x" * 65_536 for _ in range(5))
    assert front.post("/att/sms/mo", body=chunks, headers=AUTHORIZED).status == 413
    assert receiver.books().rejected == 2
    assert front.post("/att/sms/mo", body=b"x" * 2_000_000, headers=AUTHORIZED).status == 413
    assert front.post("/att/sms/mo", body=b" " * 262_000, headers=AUTHORIZED).status == 400


def test_a_stranger_s_large_body_is_refused_with_401(front: Front) -> None:
    for _ in range(20):
        assert front.post("/att/sms/mo", body=b"x" * 900_000).status == 401


def test_a_head_that_is_too_large_is_refused(front: Front, receiver: Receiver) -> None:
    headers = AUTHORIZED | {f"x-{number}": "x" * 8_000 for number in range(16)}
    assert front.post("/att/sms/mo", body=mo(), headers=headers).status in (400, 431)
    long = AUTHORIZED | {"Authorization": "Bearer " + "t" * 4_096}
    assert front.post("/att/sms/mo", body=mo(), headers=long).status == 401
    assert receiver.books().accepted == 0


def test_who_expects_100_continue_is_told_so_and_answered(front: Front) -> None:
    with raw(front) as connection:
        connection.sendall(head("Content-Length: 2", "Expect: 100-continue"))
        said = connection.recv(65_536)
        if said.startswith(b"HTTP/1.1 100"):
            connection.sendall(b"{}")
        while said.startswith(b"HTTP/1.1 100"):
            said = said.partition(b"\r\n\r\n")[2] or connection.recv(65_536)
        assert said.startswith(b"HTTP/1.1 400")


def told(line: socket.socket) -> bytes:
    """What came before the end; nginx ends those that are too slow with a reset, on purpose."""
    try:
        return line.recv(65_536)
    except ConnectionResetError:
        return b""


def test_slow_senders_are_ended_in_time_and_what_came_of_a_body_is_kept(
    front: Front, receiver: Receiver
) -> None:
    with raw(front) as nothing, raw(front) as half_a_head, raw(front) as half_a_body:
        half_a_head.sendall(head()[:-2] + b"X: ")
        half_a_body.sendall(head("Content-Length: 100") + b'{"Message"')
        said = half_a_body.recv(65_536)
        assert said.startswith(b"HTTP/1.1 408")
        assert told(half_a_head)[:12] in (b"", b"HTTP/1.1 408")
        assert told(nothing)[:12] in (b"", b"HTTP/1.1 408")
    assert receiver.books().rejected == 1


def test_no_token_is_in_anything_that_it_writes(
    start: Start, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.start_web()
    secret = f"access_token={TOKEN}"
    with start(tmp_path, receiver.port) as front:
        front.post(f"/att/sms/mo?{secret}", body=mo())
        front.post(f"/att/sms/mo?a=b&{secret}", body=b"x" * 2_000_000)
        front.post(f"/nowhere?{secret}")
        front.post("/att/sms/mo", body=mo(), headers=AUTHORIZED)
        front.post(f"/att/sms/mo?{secret}", headers={f"x-{n}": "x" * 8_000 for n in range(16)})
        front.post(f"/att/sms/mo?{secret}&pad={'x' * 20_000}")
        with raw(front) as connection:
            connection.sendall(head("Content-Length: 9", path=f"/att/sms/mo?{secret}"))
        receiver.stop()
        assert front.post(f"/att/sms/mo?{secret}", body=mo()).status == 503
    assert "/att/sms/mo" in front.written()
    assert TOKEN not in front.written()


def test_no_number_and_no_token_of_a_header_is_in_anything_that_it_writes(
    start: Start, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.start_web()
    told = {
        "ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t",
        "ce-subject": "+12065550188", "content-type": "application/json",
        "x-original-uri": f"/camara/notifications?access_token={TOKEN}", "x-auth-token": TOKEN,
    }  # fmt: skip
    with start(tmp_path, receiver.port) as front:
        path = "/camara/notifications"
        assert front.post(path, body=b"{}", headers=AUTHORIZED | told).status == 204
        assert front.post(path, body=b"{}", headers=told).status == 401
        receiver.stop()
        assert front.post(path, body=b"{}", headers=AUTHORIZED | told).status == 503
    assert path in front.written()
    assert TOKEN not in front.written()
    assert "2065550188" not in front.written()


def test_a_receiver_that_is_away_is_503_come_again(start: Start, tmp_path: Path) -> None:
    with start(tmp_path, free_port()) as front:
        answer = front.post("/att/sms/mo", body=mo())
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert json.loads(answer.data)["status"] == 503


def test_a_post_that_was_sent_is_not_sent_again(start: Start, tmp_path: Path) -> None:
    with hangs_up() as (first, heard), start(tmp_path, first, first) as front:
        assert front.post("/att/sms/mo", body=mo(), headers=AUTHORIZED).status == 503
        assert len(heard) == 1


def test_caddy_acknowledges_nothing_under_a_name_that_is_not_its_own(tmp_path: Path) -> None:
    fronts.tool("caddy")
    with fronts.caddy(tmp_path, free_port()) as front:
        headers = AUTHORIZED | {"Host": "other.example.com"}
        assert front.post("/att/sms/mo", body=mo(), headers=headers).status == 404


def test_nginx_goes_on_to_the_next_where_one_cannot_be_reached(
    receiver: Receiver, tmp_path: Path
) -> None:
    fronts.tool("nginx")
    warnings.filterwarnings("ignore", category=urllib3.exceptions.InsecureRequestWarning)
    receiver.start_web()
    with fronts.nginx(tmp_path, free_port(), receiver.port) as front:
        for _ in range(4):
            assert front.post("/att/sms/mo", body=mo(), headers=AUTHORIZED).status == 204


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no loopback of IPv6")
def test_nginx_is_there_for_who_comes_over_ipv6(receiver: Receiver, tmp_path: Path) -> None:
    fronts.tool("nginx")
    warnings.filterwarnings("ignore", category=urllib3.exceptions.InsecureRequestWarning)
    receiver.start_web()
    with fronts.nginx(tmp_path, receiver.port) as front:
        url = f"https://[::1]:{front.port}/att/sms/mo"
        assert front.pool.request("POST", url, body=mo(), headers=AUTHORIZED).status == 204


@contextmanager
def raw(front: Front) -> Iterator[socket.socket]:
    """A bare connection."""
    context = tls(front)
    with socket.create_connection(("127.0.0.1", front.port), timeout=40) as plain:
        if context is None:
            yield plain
            return
        with context.wrap_socket(plain, suppress_ragged_eofs=True) as connection:
            yield connection


def head(*lines: str, path: str = "/att/sms/mo") -> bytes:
    """An authorised request's head."""
    all_lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {TOKEN}"]
    return "\r\n".join([*all_lines, *lines, "", ""]).encode()


@contextmanager
def hangs_up() -> Iterator[tuple[int, list[bytes]]]:
    """A server that reads a request and closes; gives its port, and what it heard."""
    heard: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(65_536))

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
