"""Errors in an operator's form: CAMARA's ErrorInfo, or FastAPI's `detail`."""

from typing import Any, Final

MESSAGES: Final = {
    400: ("INVALID_ARGUMENT", "Client specified an invalid argument."),
    401: ("UNAUTHENTICATED", "Request not authenticated due to missing or invalid credentials."),
    403: ("PERMISSION_DENIED", "Client does not have sufficient permissions."),
    404: ("NOT_FOUND", "The specified resource is not found."),
    405: ("METHOD_NOT_ALLOWED", "The requested method is not allowed here."),
    409: ("ABORTED", "Concurrency conflict."),
    422: ("SERVICE_NOT_APPLICABLE", "The service is not available for the provided identifier."),
    429: ("TOO_MANY_REQUESTS", "Rate limit reached."),
    500: ("INTERNAL", "Unknown server error."),
    502: ("BAD_GATEWAY", "An upstream server could not be reached."),
    503: ("UNAVAILABLE", "Service temporarily unavailable, please try again later."),
    504: ("TIMEOUT", "Request timeout exceeded."),
}
"""Status -> usual code, and a text for people (CAMARA_common.yaml)."""


class Refused(Exception):
    """The request gets an error response."""

    def __init__(self, status: int, code: str = "", message: str = "", retry: float = 0) -> None:
        """Note status, code and message. `retry` is the Retry-After in seconds; 0 sends none."""
        usual, text = MESSAGES.get(status, ("UNKNOWN", "Something went wrong."))
        self.status, self.code = status, code or usual
        self.message = message or text
        self.retry = retry
        super().__init__(self.code)


def invalid(place: str, wanted: str) -> Refused:
    """Return the refusal of a value at a place in the body."""
    return Refused(400, "", f"{place}: {wanted} is wanted")


def document(refused: Refused, form: str) -> tuple[int, dict[str, Any]]:
    """Return status and body. FastAPI calls malformed input 422 and knows no codes."""
    if form == "fastapi":
        if refused.status == 400:
            place, _, wanted = refused.message.partition(": ")
            fault = {"type": "value_error", "loc": ["body", *place.split(".")], "msg": wanted}
            return 422, {"detail": [fault]}
        return refused.status, {"detail": refused.message}
    info = {"status": refused.status, "code": refused.code, "message": refused.message}
    return refused.status, info
