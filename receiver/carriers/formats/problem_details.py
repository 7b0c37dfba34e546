"""Error answers in RFC 9457 form, for every route whose carrier has no form of its own."""

from http import HTTPStatus

import msgspec


def problem(status: int, message: str) -> tuple[str, bytes]:
    """Return content type and body of an error. `type` is left out: RFC 9457 section 4.2.1 then
    reads `about:blank`, which means that the status says all there is.
    """
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": message}
    return "application/problem+json", msgspec.json.encode(body)
