"""Contender (b), the textbook: one `Queue.enqueue` per request, in a thread, and `rq worker`.

As RQ's documentation shows it, with its defaults. Authenticates and parses like the others.
"""

import hmac
import json
import os

import redis
from rq import Queue
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.textbook_job import publish

QUEUE = "notifications"
FIELDS = ("DateTime", "Message", "SenderAddress", "DestinationAddress")


def app() -> Starlette:
    """Make the application, with the environment of the server (`--factory`)."""
    queue = Queue(QUEUE, connection=redis.Redis.from_url(os.environ["REDIS_URL"]))
    wanted = f"Bearer {os.environ['RECEIVER_BEARER_TOKENS']}".encode()

    async def notify(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        try:
            notification = json.loads(await request.body())
        except ValueError:
            return Response(status_code=400)
        if not all(isinstance(notification.get(name), str) for name in FIELDS):
            return Response(status_code=400)
        await run_in_threadpool(queue.enqueue, publish, notification)
        return Response(status_code=204)

    return Starlette(routes=[Route("/att/sms/mo", notify, methods=["POST"])])
