"""Receivers that are not ours, good and bad, for the simulator to judge."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import redis
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.commands import free_port
from tests.support.operators import serving

STREAM = "their:events"
TOKEN = "made-up"


class Receiver:
    """Checks the token, believes whatever begins like JSON, knows repeats by their bytes."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.count = 0
        self.attempts: Counter[bytes] = Counter()
        self.paths: Counter[str] = Counter()

    def admits(self, request: Request) -> bool:
        sent = request.headers.get("authorization", "")
        return TOKEN in (sent.removeprefix("Bearer "), request.query_params.get("access_token"))

    def take(self, body: bytes) -> int:
        """Returns the status to answer."""
        self.attempts[body] += 1
        if self.attempts[body] == 1:
            self.count += 1
            self.publish(body)
        return 204

    def publish(self, body: bytes) -> None:
        self.client.xadd(STREAM, {"kind": "notification", "payload": body})

    async def __call__(self, request: Request) -> Response:
        self.paths[request.url.path] += 1
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response()  # to nobody
        if not self.admits(request):
            return Response(status_code=401)
        if len(body) > 100_000 or not body.endswith(b"}") or b"hello" in body:
            return Response(status_code=400)
        status = self.take(body)
        return Response(status_code=status, headers={"retry-after": "1"} if status == 429 else {})


class Loses(Receiver):
    def publish(self, body: bytes) -> None:
        if self.count % 100:
            super().publish(body)


class Doubles(Receiver):
    def publish(self, body: bytes) -> None:
        super().publish(body)
        if self.count % 50 == 0:
            super().publish(body)


class AcknowledgesFirst(Receiver):
    """Writes eight once there is a ninth; the last ones it never writes."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(client)
        self.unwritten: list[bytes] = []

    def publish(self, body: bytes) -> None:
        self.unwritten.append(body)
        if len(self.unwritten) > 8:
            for each in self.unwritten[:8]:
                super().publish(each)
            del self.unwritten[:8]


class ForgetsItsTokens(Receiver):
    def admits(self, request: Request) -> bool:
        return self.count < 20 and super().admits(request)


class LetsEverybodyIn(Receiver):
    def admits(self, request: Request) -> bool:
        return True


class IsDownAtFirst(Receiver):
    """Every notification is refused twice before it is taken."""

    def take(self, body: bytes) -> int:
        self.attempts[body] += 1
        if self.attempts[body] == 3:
            self.publish(body)
        return 204 if self.attempts[body] > 2 else 503


class NeverTakes(Receiver):
    def take(self, body: bytes) -> int:
        self.attempts[body] += 1
        return 500


class Backwards(Receiver):
    """Publishes every other one behind its follower."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(client)
        self.held: list[bytes] = []

    def publish(self, body: bytes) -> None:
        self.held.append(body)
        if len(self.held) == 2:
            super().publish(self.held.pop())
            super().publish(self.held.pop())


@contextmanager
def listening(receiver: Receiver) -> Iterator[str]:
    """Serve it; gives its URL."""
    app = Starlette(routes=[Route("/{path:path}", receiver.__call__, methods=["POST"])])
    port = free_port()
    config = uvicorn.Config(app, port=port, log_config=None, ws="none", lifespan="off")
    with serving(uvicorn.Server(config)):
        yield f"http://127.0.0.1:{port}"
