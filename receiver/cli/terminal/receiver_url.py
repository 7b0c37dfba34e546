"""The option `--url`: the base URL of a receiver."""

from urllib.parse import urlsplit

import click


class ReceiverUrl(click.ParamType[str]):
    """The type of `--url`. A refused value is not printed: it may hold a token."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a URL and return it; it needs scheme and host, and may have no query."""
        try:
            parts = urlsplit(value)
            name = (parts.hostname or "").encode("idna")  # ValueError where DNS has no such name
            whole = parts.scheme in ("http", "https") and name and parts.port != 0
        except ValueError:
            whole = None
        if not whole or parts.query:
            wanted = "the beginning of a URL, such as https://hooks.example.com, is wanted"
            self.fail(f"{wanted}; nothing from /att or /camara on", param, ctx)
        return value


option = click.option(
    "--url",
    type=ReceiverUrl(),
    metavar="URL",
    help="Base URL of the receiver.  [default: http://HOST:PORT]",
)
