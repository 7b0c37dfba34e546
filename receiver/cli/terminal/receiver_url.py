"""Where a receiver is, as people type it."""

from urllib.parse import urlsplit

import click


class Address(click.ParamType[str]):
    """The beginning of a receiver's URLs. One that is refused is not shown: it may hold a token."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Whole, with its scheme; without the query, where AT&T's URI has the token."""
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
