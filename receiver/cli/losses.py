"""`receiver losses`: what Redis came back without, and that somebody has dealt with it."""

import itertools
from typing import Any

import click

from receiver.cli.terminal import output, setup
from receiver.contract.redis_keys import LOSSES
from receiver.contract.stored_values import text, whole
from receiver.runtime import scripts


@click.group()
def command() -> None:
    """Show or clear what Redis once came back without, although it had been acknowledged.

    \b
      receiver losses list
      receiver losses clear --yes

    /readyz warns of it, the ledger does not balance and the doctor finds it until it is cleared.

    Exit codes: 0 done; 2 a wrong setting or no Redis.
    """


@command.command("list", short_help="List the losses.")
@output.json_option
def list_(*, as_json: bool) -> None:
    """List the losses: in which life of the data, and how many notifications at least.

    \b
      receiver losses list
    """
    client = setup.client_of(setup.settings(file=False))
    losses: Any = client.hgetall(LOSSES)
    for book, count in ((text(name), whole(said)) for name, said in losses.items()):
        if as_json:
            output.print_document({"data": book, "lost": count})
        else:
            click.echo(f"{count:>9,} or more were lost before the data {output.printable(book)}")
    if not losses:
        output.print_message("nothing was lost")


@command.command(short_help="Clear the losses, once you have dealt with them.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
def clear(*, yes: bool) -> None:
    """Clear the losses, once you have dealt with them: asked the network to send again, or told
    those who wait. Exit code 1: there were none.

    \b
      receiver losses clear
    """
    client = setup.client_of(setup.settings(file=False))
    losses: Any = client.hgetall(LOSSES)
    if not losses:
        output.print_message("nothing was lost")
        raise SystemExit(1)
    if not yes:
        total = sum(map(whole, losses.values()))
        click.confirm(
            f"{total:,} or more notifications were lost. Clear that?", abort=True, err=True
        )
    script = scripts.load("receiver.health", "clear_losses")
    # None that was noticed, or has grown, since they were read.
    client.eval(script, 1, LOSSES, *itertools.chain.from_iterable(losses.items()))
    output.print_message("cleared")
