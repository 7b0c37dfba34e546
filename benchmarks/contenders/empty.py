"""Contender (a), the ceiling: reads the body, answers 204, keeps nothing, checks nothing."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def notify(request: Request) -> Response:
    """Read and forget."""
    await request.body()
    return Response(status_code=204)


app = Starlette(routes=[Route("/att/sms/mo", notify, methods=["POST"])])
