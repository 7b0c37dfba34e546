"""HTTP by the byte: requests that no HTTP client would send, and what comes back."""

import socket


def connect(port: int) -> socket.socket:
    """A connection to a server of ours."""
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def exchange(port: int, *parts: bytes) -> bytes:
    """Send these bytes on a new connection; everything that came until it was closed.

    A server that closes while we are still writing may cut its own answer short: b"" then.
    """
    with connect(port) as line:
        try:
            for part in parts:
                line.sendall(part)
            line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed under us: what it said before may still be there
        return read_all(line)


def read_all(line: socket.socket) -> bytes:
    """Until the other side closes; a reset is an end as well."""
    got = b""
    try:
        while chunk := line.recv(65536):
            got += chunk
    except ConnectionError:
        return got
    return got


def read_answer(line: socket.socket) -> bytes:
    """One answer with its body, or what came before the end."""
    got = b""
    while b"\r\n\r\n" not in got:
        chunk = line.recv(65536)
        if not chunk:
            return got
        got += chunk
    head, _, body = got.partition(b"\r\n\r\n")
    while len(body) < int(header(got, b"content-length") or 0) and (chunk := line.recv(65536)):
        body += chunk
    return head + b"\r\n\r\n" + body


def header(answer: bytes, name: bytes) -> bytes | None:
    """One header of an answer, the name in lower case."""
    for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip()
    return None


def status(answer: bytes) -> int:
    """Of an answer; 0 when there is none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def request(
    target: str, body: bytes = b"", *headers: tuple[str, str | bytes], method: str = "POST"
) -> bytes:
    """A whole request with a length; further headers as they are."""
    head = f"{method} {target} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n".encode()
    for name, value in headers:
        said = value.encode() if isinstance(value, str) else value
        head += name.encode() + b": " + said + b"\r\n"
    return head + b"\r\n" + body


ALIVE = request("/healthz", method="GET")
