"""Error answers in CAMARA's form: `ErrorInfo` (Commonalities, API design guide, section 3)."""

from typing import Final

import msgspec

_CODES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "TOO_MANY_REQUESTS",
    503: "UNAVAILABLE",
}


def problem(status: int, message: str) -> tuple[str, bytes]:
    """Return content type and body of an error; all three members are required."""
    body = {"status": status, "code": _CODES.get(status, "INTERNAL"), "message": message}
    return "application/json", msgspec.json.encode(body)
