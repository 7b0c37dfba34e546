"""`receiver console`: run the web page for operators, and print links to it."""

import getpass
import os

import click
import msgspec

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.options import ReceiverUrl
from receiver.cli.terminal.process import ProcessGroup
from receiver.config.reload import Reload
from receiver.config.settings import Settings
from receiver.runtime import hangup, logs
from receiver.runtime.loopback import is_loopback


@click.group(cls=ProcessGroup, invoke_without_command=True)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Where to listen; PORT, and 8090, otherwise."
)
@click.option(
    "--web",
    type=ReceiverUrl(),
    help="Where the web process is, for samples and replays through it; otherwise where the one "
    "that was started last listens on this machine, or http://127.0.0.1:8080.",
)
@click.pass_context
def command(ctx: click.Context, port: int | None, web: str | None) -> None:
    """Run the console: what comes in, what became of it, and the buttons that put it right.

    \b
      receiver console                      on http://127.0.0.1:8090
      receiver console link                 a link that signs you in, once, within ten minutes
      receiver console link --role viewer   for somebody who may look and change nothing

    It is a process of its own and never a part of `receiver web`. It listens on this machine only;
    for others put a proxy with TLS in front and set RECEIVER_CONSOLE_URL=https://... to what people
    type. `receiver up` runs it too. docs/console.md has the rest.
    """
    ctx.obj = port
    if ctx.invoked_subcommand is None:
        _run(port, web or "")


def _run(port: int | None, web: str) -> None:
    hangup.listen()
    settings = setup.settings()
    url = setup.redis_url(settings)
    found = msgspec.structs.replace(settings, redis_url=url, port=_port(settings, port))
    if not is_loopback(found.host) and not found.console_url.startswith("https:"):
        raise setup.Refused(
            f"HOST={found.host} is not this machine alone, and the console shows personal data: "
            "put a proxy with TLS in front, and set RECEIVER_CONSOLE_URL=https://... to what "
            "people type"
        )
    setup.refuse_taken_port(found, "--port names another")
    from receiver.console import server

    logs.configure(found.log_level)
    setup.log_unknown_variables()
    server.serve(found, web, Reload(os.environ))


@command.command(short_help="Print a link that signs somebody in, once.")
@click.option("--as", "name", help="The name in the audit trail; yours on this machine otherwise.")
@click.option(
    "--role",
    type=click.Choice(["operator", "viewer"]),
    default="operator",
    show_default=True,
    help="A viewer sees no personal data and changes nothing.",
)
@click.option("--logout-all", is_flag=True, help="End all sessions and links instead.")
@output.json_instead
@click.pass_obj
def link(port: int | None, *, name: str | None, role: str, logout_all: bool, as_json: bool) -> None:
    """Print a link that signs somebody in: once, within ten minutes, for twelve hours.

    \b
      receiver console link --as ada
      receiver console link --logout-all      everybody has to sign in again
    """
    from receiver.console import sessions

    settings = setup.settings()
    client = setup.client_of(settings)
    if logout_all:
        ended = sessions.end_all(client)
        said = f"{ended} sessions and links ended"
        output.print_document({"ended": ended}) if as_json else output.print_message(said)
        return
    made = sessions.Link(name or _own_name(), "viewer" if role == "viewer" else "operator")
    token = sessions.make_link(client, made)
    port = port or sessions.said_port(client)
    if not (port or settings.console_url):
        output.say("no console has run with this Redis yet: start `receiver console`")
    base = settings.console_url or f"http://127.0.0.1:{_port(settings, port)}"
    url = f"{base}/login?token={token}"
    output.print_document({"url": url, "role": made.role}) if as_json else click.echo(url)


def _port(settings: Settings, port: int | None) -> int:
    """Return the port: of the option, else of PORT where it is set, else the console's own."""
    return port or (settings.port if os.environ.get("PORT", "").strip() else 8090)


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
