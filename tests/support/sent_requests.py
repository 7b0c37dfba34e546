"""The requests that our client has sent to a simulated operator, against CAMARA's definitions."""

from collections.abc import Iterable
from typing import NamedTuple

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from receiver.simulate.operator import dialects
from tests.support.camara import FOLDER, QUERIES, RELEASES, Definition, definition


class Sent(NamedTuple):
    """One request."""

    method: str
    path: str
    """From the API's name on, whatever root the operator has before it."""
    authorized: bool
    body: bytes
    release: str
    """Of `RELEASES` or `QUERIES`."""


def recording(app: ASGIApp, sent: list[Sent]) -> ASGIApp:
    """The application, with what our client sends to a documented API written into a list."""

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_ours(scope):
            await app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        if release := release_of(request.url.path):
            path = request.url.path[request.url.path.index(_api(request.url.path)) - 1 :]
            known = "authorization" in request.headers
            sent.append(Sent(request.method, path, known, body, release))

        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await app(scope, again, send)

    return recorded


def _is_ours(scope: Scope) -> bool:
    agents = [value for name, value in scope["headers"] if name == b"user-agent"]
    return any(each.startswith(b"telecom-receiver/") for each in agents)


def _api(path: str) -> str:
    found = dialects.place(path)
    return f"{found.api}/{found.version}" if found else ""


def release_of(path: str) -> str:
    """The release that has a path; empty where none has, as with AT&T's `device-status/v1`."""
    found = dialects.place(path)
    if found is None:
        return ""
    subject = "roaming" if "roaming" in found.api else "reachability"
    if found.rest == "retrieve":
        query = f"{subject} {found.version}"
        return query if query in QUERIES else ""
    dialect = dialects.dialect(found)
    if dialect is None:
        return ""
    return "0.5" if dialect.flat else f"{subject} {dialect.version.replace('0.9', 'wip')}"


def check(sent: Iterable[Sent]) -> None:
    """Raise what is wrong with the first request that is not as documented, where CAMARA's
    definitions are here.
    """
    if not FOLDER.is_dir():
        return
    for each in dict.fromkeys(sent):
        assert each.authorized, each.path
        # Tests have their sink on this machine, by http; from 0.8 on a sink is https.
        body = each.body.replace(b'"sink":"http://', b'"sink":"https://')
        headers = {"content-type": "application/json"}
        _definition(each.release).check_request(each.method, each.path, headers, body)


def _definition(release: str) -> Definition:
    return definition((RELEASES | QUERIES)[release])
