"""A simulated AT&T gateway in a thread, for clients and tests to talk to."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from receiver.simulate.att_gateway import app
from receiver.simulate.att_gateway.scenario import Scenario
from tests.support.commands import free_port
from tests.support.operators import serving

REGISTRATION = "22627000"
INBOX = f"/sms/v3/messaging/inbox/{REGISTRATION}"
GSMA_INBOX = f"/3/smsmessaging/inbound/registrations/{REGISTRATION}/messages"
OUTBOX = "/sms/v3/messaging/outbox"
MESSAGES = "/myMessages/v2/messages"


class SimulatedGateway:
    """A running gateway; requests carry a token of its own unless they say otherwise."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, trust_env=False, timeout=60)

    def control(self, route: str, /, **order: Any) -> Any:
        """Make something happen."""
        answer = self.http.post(f"/_control/{route}", json=order)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, **order: Any) -> dict[str, str]:
        """The header of a new access token."""
        return {"authorization": f"Bearer {self.control('tokens', **order)['access_token']}"}

    def grant(self, **form: str) -> httpx2.Response:
        """Ask the token endpoint as AT&T's SDKs do: everything in the body."""
        client = {"client_id": "simulated-client", "client_secret": "simulated-secret"}
        return self.http.post("/oauth/v4/token", data=client | form)

    def request(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Ask as a client that is admitted."""
        headers = {**self.token(), **(more.pop("headers", None) or {})}
        return self.http.request(method, path, headers=headers, **more)

    def read(self, path: str = INBOX, **more: Any) -> httpx2.Response:
        """Read an inbox."""
        answer = self.request("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer

    def raw(self, path: str = INBOX) -> bytes:
        """Read with a plain socket to the end, whatever comes; a reset ends it too."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        authorization = self.token()["authorization"]
        head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {authorization}\r\n"
        received = b""
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(f"{head}connection: close\r\n\r\n".encode())
            try:
                while not _complete(received):
                    if not (piece := connection.recv(65536)):
                        break
                    received += piece
            except ConnectionResetError:
                received += b"(reset)"
        return received

    def left(self, path: str = INBOX) -> None:
        """Read with a plain socket until something of the body has come, and hang up."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\n"
        head += f"authorization: {self.token()['authorization']}\r\n\r\n"
        received = b""
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(head.encode())
            while not received.partition(b"\r\n\r\n")[2]:
                received += (piece := connection.recv(65536))
                assert piece, received

    def books(self) -> Any:
        """Its records."""
        return self.http.get("/_books").json()

    def inbox(self) -> dict[str, int]:
        """Where every accepted message is, without what is nowhere."""
        found = self.books()["inbox"]
        assert found.pop("balanced")
        del found["by_registration"]
        return {name: count for name, count in found.items() if count}

    def verdict(self, published: list[str]) -> Any:
        """The verdict on a client that published these texts."""
        return self.http.post("/_verdict", json={"published": published}).json()


@contextmanager
def gateway(scenario: Scenario | None = None) -> Iterator[SimulatedGateway]:
    """A running gateway."""
    port = free_port()
    with serving(app.server(scenario or Scenario(), "127.0.0.1", port)):
        found = SimulatedGateway(f"http://127.0.0.1:{port}")
        try:
            yield found
        finally:
            found.http.close()


def texts(answer: httpx2.Response) -> list[str]:
    """The texts of a page in AT&T's signature."""
    found = answer.json()["InboundSmsMessageList"]["InboundSmsMessage"]
    return [each["Message"] for each in found]


def _complete(received: bytes) -> bool:
    head, _, body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False
