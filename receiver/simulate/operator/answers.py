"""Faulty responses that a framework would not send: none, half of one, an unreadable one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from receiver.simulate.operator import problems
from receiver.simulate.operator.books import Call
from receiver.simulate.operator.operator import Operator
from receiver.simulate.operator.problems import Refused
from receiver.simulate.operator.scenario import Fault
from receiver.simulate.serving import connection, gone, json

_ELSEWHERE = "https://elsewhere.example/"
_HUGE = 10_000_000


class Cut(Response):
    """A response that closes the connection after its first half, or before all of it."""

    def __init__(self, whole: Response | None = None) -> None:
        super().__init__()
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a part of the response, and close."""
        transport = connection(scope).transport
        if self._whole is None:
            transport.abort()
        else:
            body = bytes(self._whole.body)
            start = {"type": "http.response.start", "status": self._whole.status_code}
            await send({**start, "headers": self._whole.raw_headers})
            half = {"type": "http.response.body", "body": body[: len(body) // 2]}
            await send({**half, "more_body": True})
            transport.close()
        await gone(receive)


def refusal(refused: Refused, form: str, retry_after: str = "") -> Response:
    """Return an error as this operator words it."""
    status, document = problems.document(refused, form)
    answer = json(status, document)
    if retry_after:
        answer.headers["retry-after"] = retry_after
    return answer


async def answer(
    operator: Operator,
    request: Request,
    call: Call,
    apply: Callable[[], Awaitable[Response]],
    form: str,
) -> Response:
    """Return what a client gets, and note the call. Faults come first, as in a gateway."""
    fault = operator.fault_orders.strike(call.operation)
    found = await _with_fault(fault, request, apply, form)
    call.at, call.fault = operator.clock.now(), fault.effect if fault else ""
    call.answer = 0 if isinstance(found, Cut) else found.status_code
    operator.calls.note(call, f"{call.operation} {call.answer}")
    return found


async def _with_fault(
    fault: Fault | None, request: Request, apply: Callable[[], Awaitable[Response]], form: str
) -> Response:
    """Return what a client gets, also when something goes wrong before or after it is applied."""
    if fault is None:
        return await apply()
    if fault.effect == "drop":
        return Cut()
    if fault.effect == "late":
        await request.body()  # what is applied later is what came now
        later = asyncio.create_task(_later(fault.delay, apply))
        _LATER.add(later)
        later.add_done_callback(_LATER.discard)
        return Cut()
    if fault.effect == "slow":
        try:
            await asyncio.sleep(fault.delay)
        except asyncio.CancelledError:  # the server stops before
            return Cut()
        return await apply()
    if fault.effect == "redirect":
        return Response(status_code=307, headers={"location": _ELSEWHERE})
    retry = f"{fault.retry_after:.0f}" if fault.retry_after else ""
    said = refusal(Refused(fault.status, fault.code), form, retry)
    return said if fault.effect == "status" else _spoilt(fault, await apply(), said)


def _spoilt(fault: Fault, answer: Response, said: Response) -> Response:
    match fault.effect:
        case "applied-status":
            return said
        case "truncated":
            return Cut(answer)
        case "unreadable":  # a page in place of JSON, as some gateways have it
            page = f"<html><body>{HTTPStatus(answer.status_code).phrase}</body></html>"
            return Response(page, answer.status_code, media_type="text/html")
        case "no-id":  # in a 202 it is optional, say 0.7 and before
            return json(202, {}) if answer.status_code < 300 else answer
        case "huge":
            answer.body = bytes(answer.body) + b" " * _HUGE
            answer.headers["content-length"] = str(len(answer.body))
            return answer
        case "drip":
            return StreamingResponse(
                _drip(bytes(answer.body), fault.delay), answer.status_code, dict(answer.headers)
            )
        case _:
            return Cut()


async def _drip(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    """Yield a body byte by byte, over so many seconds."""
    for number in range(len(body)):
        yield body[number : number + 1]
        await asyncio.sleep(seconds / len(body))


_LATER: set["asyncio.Task[Response]"] = set()
"""What is still to be applied; the event loop keeps no task alive by itself."""


async def _later(delay: float, apply: Callable[[], Awaitable[Response]]) -> Response:
    await asyncio.sleep(delay)
    return await apply()
