"""The option `--url`: where a receiver is."""

from urllib.parse import urlsplit

import click


class Address(click.ParamType[str]):
    """Parse the base URL of a receiver. A refused one is not printed: it may hold a token."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the URL. Fails without scheme or host, or with a query (it may hold a token)."""
        try:
            parts = urlsplit(value)
            name = (parts.hostname or "").encode(
                "idna"
            )  # ValueError too where DNS has no such name
            whole = parts.scheme in ("http", "https") and name and parts.port != 0
        except ValueError:
            whole = None
        if not whole or parts.query:
            wanted = "the beginning of a URL, such as https://hooks.example.com, is wanted"
            self.fail(f"{wanted}; nothing from /att or /camara on", param, ctx)
        return value


option = click.option(
    "--url", type=Address(), metavar="URL", help="The receiver.  [default: http://HOST:PORT]"
)
