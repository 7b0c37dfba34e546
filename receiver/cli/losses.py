"""`receiver losses`: what Redis came back without, and that somebody has dealt with it."""

from typing import Any

import click
import msgspec
import redis

from receiver.cli.terminal import setup
from receiver.contract.redis_keys import LOSSES


@click.group()
def command() -> None:
    """Show or clear what Redis once came back without, although it had been acknowledged.

    \b
      receiver losses list
      receiver losses clear --yes

    /readyz warns of it, the ledger does not balance and the doctor finds it until it is cleared.

    Exit codes: 0 done; 2 a wrong setting or no Redis.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
def list_(*, as_json: bool) -> None:
    """List the losses: in which life of the data, and how many notifications at least."""
    losses = _losses(setup.connect(setup.redis_url(setup.settings(file=False))))
    for book, count in losses.items():
        if as_json:
            click.echo(msgspec.json.encode({"data": book, "lost": count}).decode())
        else:
            click.echo(f"{count:>9,} or more were lost before the data {book}")
    if not (losses or as_json):
        click.echo("nothing was lost")


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask first.")
def clear(*, yes: bool) -> None:
    """Clear the losses, once you have dealt with them: asked the network to send again, or told
    those who wait. Exit code 1: there were none.
    """
    client = setup.connect(setup.redis_url(setup.settings(file=False)))
    total = sum(_losses(client).values())
    if not total:
        click.echo("nothing was lost")
        raise SystemExit(1)
    if not yes:
        click.confirm(
            f"{total:,} or more notifications were lost. Clear that?", abort=True, err=True
        )
    with setup.redis_faults():
        client.delete(LOSSES)
    click.echo("cleared")


def _losses(client: redis.Redis) -> dict[str, int]:
    with setup.redis_faults():
        found: Any = client.hgetall(LOSSES)
    return {book.decode("utf-8", "replace"): int(count) for book, count in found.items()}
