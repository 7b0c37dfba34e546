"""From the settings of a poll to a client of its mailbox, with the subscriber's consent."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote, urlencode

import redis.asyncio

from receiver.config import polls
from receiver.config.fault import shown
from receiver.config.polls import AttMessagesPoll
from receiver.config.settings import Settings
from receiver.outbound import OAuthV4
from receiver.outbound.http_client import HttpClient
from receiver.polling.mailbox.api import MailboxApi
from receiver.polling.mailbox.consent_token import ConsentToken
from receiver.polling.mailbox.consents import Consents

_SCOPE: Final = "IMMN,MIM"
"""To send, and to read and change (developer.att.com, In-App Messaging)."""


class NoSuchPoll(ValueError):
    """There is no such poll of a mailbox, or it lacks a variable; the message says what to do."""


def poll_of(settings: Settings, name: str) -> AttMessagesPoll:
    """Return the poll of this name. Raises `NoSuchPoll`."""
    found = {one.name: one for one in settings.polls if isinstance(one, AttMessagesPoll)}
    if name not in found:
        known = ", ".join(found) or "there is none"
        raise NoSuchPoll(
            f'{name!r} is no [[poll]] of kind "att-messages" in receiver.toml (known: {known})'
        )
    faults = polls.variable_faults(found[name], settings.poll_variables)
    for variable, wrong in sorted(faults.items()):
        raise NoSuchPoll(f"poll {name!r}: the environment variable {shown(variable)} {wrong}")
    return found[name]


def authorize_url(settings: Settings, poll: AttMessagesPoll) -> str:
    """Return the URL at which a subscriber consents."""
    members = {
        "client_id": settings.poll_variables[poll.client_id_env],
        "scope": poll.scope or _SCOPE,
        "redirect_uri": poll.redirect_uri,
    }
    query = urlencode(members, quote_via=quote, safe=",")
    return f"{poll.base_url.rstrip('/')}/oauth/v4/authorize?{query}"


def oauth(settings: Settings, poll: AttMessagesPoll, http: HttpClient) -> OAuthV4:
    """Return the client of the poll's token endpoint."""
    values = settings.poll_variables
    return OAuthV4(
        poll.tokens_from, values[poll.client_id_env], values[poll.client_secret_env], http
    )


def http_client() -> HttpClient:
    """Return what sends requests: each on a connection of its own. Close it."""
    return HttpClient(connections=2, keep_alive=False)


@asynccontextmanager
async def mailbox_api(
    settings: Settings,
    poll: AttMessagesPoll,
    client: "redis.asyncio.Redis",
    stopping: Callable[[], bool] = lambda: False,
) -> AsyncIterator[MailboxApi]:
    """Yield the API of a poll's mailbox. Raises `KeyMissing`."""
    consents = Consents(client, settings.secret_keys, settings.ack_replicas)
    http = http_client()
    try:
        token = ConsentToken(poll.name, consents, oauth(settings, poll, http))
        yield MailboxApi(poll.base_url, token, http, stopping)
    finally:
        await http.close()
