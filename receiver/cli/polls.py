"""`receiver polls`."""

import click
import msgspec

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.table import print_table
from receiver.cli.terminal.time_option import within_calendar
from receiver.polling import overview
from receiver.polling.overview import PollState


@click.group()
def command() -> None:
    """Show the state of each [[poll]] of receiver.toml.

    \b
      receiver polls list
      receiver polls list --json | jq 'select(.failures > 0)'

    `receiver poll` does the work. Exit codes: 0 done; 2 a wrong option or setting, or no Redis.
    """


@command.command("list", short_help="Every poll: last success, next round, trouble.")
@output.json_option
def list_(*, as_json: bool) -> None:
    """List the polls: when each last succeeded, when it is due, what waits, what is wrong.

    \b
      receiver polls list
      receiver polls list | jq -r 'select(.trouble != "").name'
    """
    settings = setup.settings()
    if not settings.polls:
        output.print_message("receiver.toml has no [[poll]]")
        return
    client = setup.client_of(settings)
    found = overview.states(client, [one.name for one in settings.polls])
    now = client.time()[0]
    kinds = {one.name: one.kind for one in settings.polls}
    found = [msgspec.structs.replace(one, kind=kinds[one.name]) for one in found]
    output.print_documents(found) if as_json else _print(found, now)


def _print(found: list[PollState], now: float) -> None:
    columns = ("poll", "kind", "last success", "due", "messages", "pending", "pages", "trouble")
    rows = []
    for one in found:
        trouble = one.trouble if one.alive(now) else "no `receiver poll` looks after it"
        row = (one.name, one.kind, _when(one.succeeded), _when(one.due), one.messages, one.pending)
        rows.append((*row, one.pages, trouble))
    print_table(columns, rows)


def _when(seconds: int) -> str:
    return f"{within_calendar(seconds * 1000):%Y-%m-%d %H:%M:%SZ}" if seconds else ""
