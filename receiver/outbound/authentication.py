"""The credentials of our requests: fixed headers, or an access token (`oauth`)."""

from typing import Protocol


class Authentication(Protocol):
    """Puts credentials on requests to one operator."""

    async def headers(self) -> dict[str, str]:
        """Return the headers of a request. Raises `NotSent` when there are none to be had."""

    async def renew(self, refused: dict[str, str]) -> bool:
        """Return whether other headers than these, which got a 401, are worth one attempt."""


class FixedHeaders:
    """The same headers on every request (Nokia: `x-rapidapi-key`, `x-rapidapi-host`)."""

    def __init__(self, headers: dict[str, str]) -> None:
        """Raises `ValueError` for a header that cannot be sent; its value is not in the message."""
        for name, value in headers.items():
            if not name.isascii() or not name.replace("-", "").isalnum():
                raise ValueError("a header's name is letters, digits and dashes")
            if not value.isascii() or not value.isprintable():
                raise ValueError(f"{name}: a value of printable ASCII is wanted")
        self._headers = dict(headers)

    async def headers(self) -> dict[str, str]:
        """Return the headers of a request."""
        return dict(self._headers)

    async def renew(self, refused: dict[str, str]) -> bool:
        """Return False: there are no others."""
        del refused
        return False
