import socket
import ssl
from threading import Thread

import pytest

from receiver.runtime.blocking_http import BlockingHttp, NotConnected, Unreachable
from tests.support.commands import free_port

MOVED = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"


def test_a_request_carries_what_was_given_and_its_redirect_is_an_answer() -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(MOVED)

        server = Thread(target=answer)
        server.start()
        http = BlockingHttp(timeout=10)
        url = f"http://user:secret@127.0.0.1:{listening.getsockname()[1]}/a"
        response = http.request("GET", url, [("Authorization", "Bearer t"), ("X", "é"), ("X", "2")])
        server.join()
        http.close()
    assert (response.status, response.headers["location"], response.text) == (302, "/b", "no")
    _, host, *fields = heard[0].rstrip().split(b"\r\n")
    assert host.startswith(b"Host: ")
    assert fields == [b"Authorization: Bearer t", b"X: \xe9", b"X: 2"]


def test_nobody_listening_is_said_without_the_url() -> None:
    url = f"http://127.0.0.1:{free_port()}/?access_token=t"
    with pytest.raises(Unreachable, match=r"^Failed to establish a new connection: .*refused$"):
        BlockingHttp(timeout=10).request("GET", url)


def test_whoever_speaks_no_tls_answers_also_where_python_has_no_name_for_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python 3.12 and earlier with OpenSSL 3.2 and later."""

    def fail(*_: object, **__: object) -> None:
        raise ssl.SSLError(1, "[SSL] record layer failure (_ssl.c:1006)")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", fail)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(Unreachable, match="record layer failure") as found:
            BlockingHttp(timeout=10).request("POST", url)
    assert not isinstance(found.value, NotConnected)
