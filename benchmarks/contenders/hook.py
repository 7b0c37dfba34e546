"""A consumer's web hook, as fast as one can be: reads the body, answers 204."""

from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Raw ASGI, so that what is measured is who asks."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})
