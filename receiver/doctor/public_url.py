"""Checks that `public_url` leads to the receiver, by a request such as an operator's."""

import asyncio
from collections.abc import Iterator
from typing import Final

from receiver.config.settings import Settings
from receiver.doctor.finding import Finding
from receiver.outbound import NotSent, Unanswered
from receiver.outbound.http_client import HttpClient

_WITHIN: Final = 5.0
"""Seconds for the request and its answer."""


def check_public_url(settings: Settings) -> Iterator[Finding]:
    """Check the URL of each listener that subscriptions are for. Nothing is stored by it.

    The request is OPTIONS: the receiver answers it without a credential, and says that it takes
    POST (CloudEvents HTTP 1.1 Web Hooks, section 4; RFC 9110, 10.2.1).
    """
    for listener in sorted({one.listener for one in settings.subscriptions}):
        url = f"{settings.public_url}/camara/notifications/{listener}"
        if said := asyncio.run(_ask(url)):
            yield Finding(
                "warning",
                f"{url} does not lead to the receiver: {said}",
                "operators send there; what they cannot deliver they may send once, or end "
                "the subscription",
                f"curl -i -X OPTIONS {url}  # from outside too; then the proxy, or public_url",
            )


async def _ask(url: str) -> str:
    """Return why a URL is not the receiver's; empty where it is."""
    client = HttpClient(deadline=_WITHIN, most_bytes=64 * 1024, connections=1)
    try:
        answer = await client.send("OPTIONS", url, headers={})
    except (NotSent, Unanswered) as error:
        return str(error)
    finally:
        await client.close()
    if "POST" in answer.headers.get("allow", "").replace(",", " ").split():
        return ""
    return f"OPTIONS is answered {answer.status}, without Allow: POST"
