"""The refusal of a token endpoint."""


class TokenRefused(Exception):
    """The token endpoint refuses a request (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        self.error, self.description = error, description
        super().__init__(error)

    @property
    def status(self) -> int:
        """Return 401 for a client that fails to authenticate, else 400."""
        return 401 if self.error == "invalid_client" else 400
