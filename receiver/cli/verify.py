"""`receiver verify`: check the signature of a web hook's request, for who writes the consumer."""

import os
import time
from collections.abc import Mapping
from typing import Final

import click

from receiver.cli.listen import secret as listen_secret
from receiver.cli.listen.options import Header
from receiver.cli.terminal import output, setup
from receiver.cli.terminal.options import NumberOption
from receiver.events.webhook import TOLERANCE, Unverified, verify

_EVER: Final = 1e12
"""Seconds: a tolerance within which every time is."""


@click.command()
@click.argument("body", type=click.Path(allow_dash=True), metavar="BODY")
@click.option(
    "-H", "--header", "headers", type=Header(), multiple=True, help="A header of the request."
)
@click.option(
    "--secret",
    "secrets",
    envvar="WEBHOOK_SECRETS",
    help="The secret, or several between blanks.  [default: WEBHOOK_SECRETS, else that of "
    "`receiver listen`]",
)
@click.option(
    "--tolerance",
    type=NumberOption(0),
    default=TOLERANCE,
    show_default=True,
    help="Seconds that the request may be old.",
)
@output.json_option
def command(
    *,
    body: str,
    headers: tuple[tuple[str, str], ...],
    secrets: str | None,
    tolerance: float,
    as_json: bool,
) -> None:
    """Check the signature of a web hook's request (Standard Webhooks), and say what is wrong.

    \b
      receiver verify body.json -H 'webhook-id: 3755e6e1424c59b188228b29ebdd1e72' \\
        -H 'webhook-timestamp: 1764000000' -H 'webhook-signature: v1,K5oZfzN95Z...'
      receiver verify - --tolerance 86400 -H ... < body.json     one that is a day old

    BODY is the file with the body as it came, byte by byte; `-` is stdin. Exit code 1 if the
    request is not signed with the secret, or too old.
    """
    found = setup.settings(file=False)
    secrets = secrets or listen_secret.kept(os.environ, found.data_dir)
    if not secrets:
        raise setup.Refused(
            "no secret: give --secret, or set WEBHOOK_SECRETS (`receiver listen` has kept none in "
            f"{found.data_dir})"
        )
    document, said = _read(body), dict(headers)
    try:
        name = verify(said, document, secrets, tolerance=tolerance)
    except ValueError as error:
        raise setup.Refused(f"--secret: {error}") from None
    except Unverified as error:
        why = f"{error}{_hint(said, document, secrets)}"
        if as_json:
            output.print_document({"verified": False, "reason": why})
        output.exit_undone(f"not verified: {why}")
    output.print_result(f"verified: {name}", as_json=as_json, verified=True, id=name)


def _read(path: str) -> bytes:
    try:
        with click.open_file(path, "rb") as file:
            content: bytes = file.read()
    except OSError as error:
        why = f"{error.strerror} (`receiver verify --help` has an example)"
        raise setup.Refused(f"BODY cannot be read: {why}") from None
    return content


def _hint(headers: Mapping[str, str], body: bytes, secrets: str) -> str:
    """Return with what change the request would be verified; empty where none is known."""
    for changed, what in (
        (body, _off(headers)),
        (body.removesuffix(b"\n"), "BODY has a line break at its end that did not come"),
        (body + b"\n", "BODY lacks the line break at its end that came"),
    ):
        if _signs(headers, changed, secrets):
            return f"; {what}"
    return ""


def _signs(headers: Mapping[str, str], body: bytes, secrets: str) -> bool:
    try:
        return bool(verify(headers, body, secrets, tolerance=_EVER))
    except Unverified:
        return False


def _off(headers: Mapping[str, str]) -> str:
    """Return by how much the time of a request is off; its head was found to be well formed, or
    nothing signs it.
    """
    said = {name.lower(): value for name, value in headers.items()}.get("webhook-timestamp", "")
    age = int(time.time()) - int(said) if said.isdecimal() and len(said) < 13 else 0
    off = f"{age:,} s old" if age >= 0 else f"{-age:,} s ahead of this clock"
    return f"it is {off}, and signed well: --tolerance {abs(age) + 60}"
