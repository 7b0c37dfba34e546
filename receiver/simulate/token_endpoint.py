"""What the token endpoints share (RFC 6749): the form, Basic authentication, the refusal."""

import base64
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from receiver.simulate.serving import json


class TokenRefused(Exception):
    """The token endpoint refuses a request (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        self.error, self.description = error, description
        super().__init__(error)

    @property
    def status(self) -> int:
        """Return 401 for a client that fails to authenticate, else 400."""
        return 401 if self.error == "invalid_client" else 400

    def answer(self, status: int = 0) -> Response:
        """Return the response, with another status on demand."""
        found = {"error": self.error, "error_description": self.description}
        return json(status or self.status, found)


async def read_form(request: Request) -> dict[str, str]:
    """Read a form; of a field that comes twice the last one counts."""
    body = (await request.body()).decode("utf-8", "replace")
    return dict(parse_qsl(body, keep_blank_values=True))


def basic(header: str) -> tuple[str, str] | None:
    """Return id and secret of a header with Basic authentication (RFC 7617)."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return name, secret
