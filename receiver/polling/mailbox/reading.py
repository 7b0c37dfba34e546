"""Reading messages by their ids, also those that the gateway cannot read at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from receiver.carriers.att.items import fields_of
from receiver.polling.mailbox.api import CHUNK, MailboxApi, RequestRefused
from receiver.polling.mailbox.shapes import message_id

Pause = Callable[[float], Awaitable[None]]
_PAUSES: Final = (0.0, 1.0, 2.0)
"""Seconds before each attempt: what has failed is asked for again."""


async def read(
    api: MailboxApi, ids: Sequence[str], pause: Pause = asyncio.sleep
) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Return the messages by id, and the ids that the gateway says it could not read. What is in
    neither is there no more.
    """
    found: dict[str, dict[str, Any]] = {}
    failed: set[str] = set()
    for start in range(0, len(ids), CHUNK):
        left = list(ids[start : start + CHUNK])
        for seconds in _PAUSES:
            if left and seconds:
                await pause(seconds)
            if left:
                more, left = await _some(api, left)
                found |= more
        failed.update(left)
    return found, failed


async def with_texts(
    api: MailboxApi, messages: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return messages with their texts: lists have none at some gateways, a message has."""
    bare = [id_ for id_, one in messages.items() if "text" not in fields_of(one)]
    whole = await _each(api, bare)
    return {id_: {**one, **whole.get(id_, {})} for id_, one in messages.items()}


async def _some(api: MailboxApi, ids: list[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    try:
        page = await api.some(ids)
    except RequestRefused:
        return await _each(api, ids), []
    found = {message_id(one): one for one in page.messages}
    return found, [one for one in ids if one in page.failed and one not in found]


async def _each(api: MailboxApi, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Fetch messages one by one: for one that is gone a request for all may be refused."""
    found = {}
    for one in ids:
        with suppress(RequestRefused):
            found[one] = await api.message(one)
    return found
