"""Options of several commands: a number with a fraction, the base URL of a receiver, its token."""

import unicodedata
from typing import Any
from urllib.parse import urlsplit

import click


class NumberOption(click.FloatRange):
    """The type of options that take a number in a range. To click `nan` is in every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the number."""
        found = super().convert(value, param, ctx)
        return found if found == found else self.fail("a number is wanted", param, ctx)


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


class Token(click.ParamType[str]):
    """The type of `--token`. A refused value is not printed."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return a token without the blanks and line breaks around it, which files leave there."""
        token = value.strip()
        if any(one.isspace() or unicodedata.category(one) in ("Cc", "Cf") for one in token):
            self.fail("one token is wanted, without blanks and control characters", param, ctx)
        return token


url_option = click.option(
    "--url",
    type=ReceiverUrl(),
    metavar="URL",
    help="Base URL of the receiver.  [default: http://HOST:PORT]",
)
token_option = click.option(
    "--token",
    type=Token(),
    envvar="RECEIVER_TOKEN",
    help="Bearer token.  [default: RECEIVER_TOKEN, else that of `receiver up --demo`]",
)
