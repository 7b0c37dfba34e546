"""The types of the options of `receiver listen`."""

import re
from urllib.parse import urlsplit

import click


class HookUrl(click.ParamType[str]):
    """The URL of a web hook; for short a port or a host with one, and a path after it."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Convert a URL, a host or a port to a URL."""
        if re.fullmatch(r"\d{1,5}([/?].*)?", value):
            value = f"localhost:{value}"
        url = value if "://" in value else f"http://{value}"
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            good = good and "@" not in parts.netloc  # no request would have that user and password
        except ValueError:
            good = False
        if not good or not url.isprintable() or " " in url:
            wanted = "a URL such as http://localhost:3000/events, or a port, is wanted"
            header = "a user and password go into -H 'Authorization: Basic ...'"
            self.fail(f"{wanted}; {header}" if "@" in url else wanted, param, ctx)
        return url


class Header(click.ParamType[tuple[str, str]]):
    """A header, `Name: value`."""

    name = "header"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Convert `Name: value` to a pair."""
        name, _, text = value.partition(":")
        named = re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) and ":" in value
        if not (named and text.isascii() and text.isprintable()):
            self.fail("'Name: value' in printable ASCII is wanted", param, ctx)
        return name, text.strip()
