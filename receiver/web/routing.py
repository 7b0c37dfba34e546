"""Which carrier and which listener a request is for."""

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from receiver.web import asgi
from receiver.web.ingest import Ingest, Respond
from receiver.web.protocol import is_whole
from receiver.web.request import Request
from receiver.web.responses import closing


class Application(Starlette):
    """A Starlette application that hands carriers' paths directly to their routes.

    The middleware and routing in between do nothing for them and cost half of what an empty
    endpoint does.
    """

    def __init__(self, carriers: Mapping[str, Ingest], **options: Any) -> None:
        super().__init__(**options)
        self._carriers = carriers
        # A redirect would answer a POST with 307, which no carrier follows: 404 says what is wrong.
        self.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route a request: `/a/b` is listener `default` of route `/a/b`, and `/a/b/name` its
        listener `name`.
        """
        if scope["type"] == "http" and (found := self._find(scope)):
            ingest, request = found
            return await asgi.respond(ingest, request, scope, receive, send)
        if scope["type"] == "http" and not (scope["method"] == "GET" and is_whole(receive)):
            send = closing(scope, receive, send)  # nobody there reads bodies
        return await super().__call__(scope, receive, send)

    def handle(self, scope: Scope, body: bytes, respond: Respond) -> bool:
        """Respond to a whole request on a carrier's route; False on any other route, with nothing
        done yet.
        """
        if not (found := self._find(scope)):
            return False
        ingest, request = found
        request.body = body
        ingest.handle(request, respond)
        return True

    def _find(self, scope: Scope) -> tuple[Ingest, Request] | None:
        path, listener = scope["path"], "default"
        if not (ingest := self._carriers.get(path)):
            path, _, listener = path.rpartition("/")
            if not listener or not (ingest := self._carriers.get(path)):
                return None
        request = Request(scope["method"], listener, scope["headers"], scope["query_string"], scope)
        return ingest, request
