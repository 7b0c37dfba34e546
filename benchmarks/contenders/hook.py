"""A consumer's web hook, as fast as one can be: reads the body, answers 204."""

import json
import re
import time
from datetime import datetime
from typing import Any

_received = re.compile(rb'"receivedtime":"([^"]+)"').search
_took: list[float] = []


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer every request (raw ASGI: who sends is measured, not this consumer)."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await _answer(send, 204)


async def timed(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer, and note how long ago each event was received (ms); a GET takes the notes."""
    if scope["type"] != "http":
        return
    if scope["method"] == "GET":
        body = json.dumps(_took).encode()
        _took.clear()
        await _answer(send, 200, body)
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if found := _received(body):
        received = datetime.fromisoformat(found[1].decode()).timestamp()
        _took.append(1000 * (time.time() - received))
    await _answer(send, 204)


async def _answer(send: Any, status: int, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})
