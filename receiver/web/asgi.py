"""The ASGI adaptor of the request path, for requests whose body does not come with their head."""

import asyncio
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from receiver.auth.bearer import NotHeardOf
from receiver.web.admission import Room
from receiver.web.ingest import Ingest, Respond
from receiver.web.protocol import is_whole
from receiver.web.rejection import Refuse
from receiver.web.request import Request
from receiver.web.request_body import SenderDisconnected
from receiver.web.responses import Response, closing, send_response


async def respond(
    ingest: Ingest, request: Request, scope: Scope, receive: Receive, send: Send
) -> None:
    """Read the body of a request, pass it on, and send the response."""
    try:
        response = await _respond(ingest, request, scope, receive)
    except asyncio.CancelledError:
        # The server is stopping and waits no longer: another process will take it.
        stopping = Refuse(503, "the receiver is stopping", unread=True)
        response = await _await(lambda done: ingest.refuse(request, stopping, done))
    except SenderDisconnected:
        ingest.abandon(request)
        return
    if response.close:
        send = closing(scope, receive, send)
    await send_response(send, response)


async def _respond(ingest: Ingest, request: Request, scope: Scope, receive: Receive) -> Response:
    """Return the response, once the body is read where one is wanted. Raises
    `SenderDisconnected`.
    """
    try:
        early = ingest.admit(request)
    except NotHeardOf as unheard:
        request.known = await ingest.context.looked_up(unheard.digest)
        early = ingest.admit(request)
    if early:
        # Where the body is here already, a 429 and a granted handshake leave the connection open: a
        # new one costs more than this. What else is said by the head alone closes it in any case.
        return early if is_whole(receive) else early.closing()
    try:
        with Room(ingest.admission(request)) as room:
            request.body = await ingest.context.bodies.read(scope, receive, room)
            return await _await(lambda done: ingest.store(request, done))
    except Refuse as refused:
        reason = refused
        return await _await(lambda done: ingest.refuse(request, reason, done))


async def _await(begin: Callable[[Respond], None]) -> Response:
    responded: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def done(response: Response) -> None:
        if not responded.done():  # cancelled: nobody waits
            responded.set_result(response)

    begin(done)
    return await responded
