"""`receiver consent`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click
from redis.asyncio import Redis

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.table import print_table
from receiver.cli.terminal.time_option import within_calendar
from receiver.config.settings import Settings
from receiver.contract.redis_keys import CONSENTS
from receiver.polling.mailbox import connect, consent_record, consenting
from receiver.polling.mailbox.connect import NoSuchPoll
from receiver.polling.mailbox.consent_record import Consent
from receiver.polling.mailbox.consents import Consents, KeyMissing, forget
from receiver.runtime.redis_client import async_client

T = TypeVar("T")


@click.command(short_help="Store a subscriber's consent, or list consents and their ends.")
@click.argument("name", required=False)
@click.option("--forget", is_flag=True, help="Delete it here, and what is known of the mailbox.")
@output.json_option
def command(name: str | None, *, forget: bool, as_json: bool) -> None:
    """Have a subscriber consent to the reading of a mailbox, and store that consent, encrypted.

    \b
      receiver consent              the consents there are, and when they end
      receiver consent alice        for the [[poll]] of kind "att-messages" with this name

    It prints the address at which the subscriber consents. The browser is then sent to the poll's
    redirect_uri, with a code; paste that address here: it need not load. A code is good once.
    RECEIVER_SECRET_KEYS must be set: a consent is never stored unencrypted.
    """
    if name is None:
        _list(setup.settings(), as_json=as_json)
    elif forget:
        _forget(setup.settings(file=False), name)
    else:
        _ask(setup.settings(), name)


def _ask(settings: Settings, name: str) -> None:
    with setup.refused(NoSuchPoll):
        poll = connect.poll_of(settings, name)
    _with(settings, _nothing)  # the keys, and Redis, before anybody is troubled
    click.echo("The subscriber opens this address and agrees:\n", err=True)
    click.echo(connect.authorize_url(settings, poll))
    click.echo("\nThe address that the browser was sent to then, with ?code=…:", err=True)
    pasted = sys.stdin.readline()

    async def exchange(consents: Consents) -> Consent:
        http = connect.http_client()
        try:
            oauth = connect.oauth(settings, poll, http)
            code = consenting.code_in(pasted)
            return await consenting.exchange(name, code, consents, oauth)
        finally:
            await http.close()

    with setup.refused(consenting.NoConsentGiven):
        consent = _with(settings, exchange)
    click.echo(f"{name}: stored; it ends {_day(consent.ends)} unless it is used before", err=True)


def _forget(settings: Settings, name: str) -> None:
    if not _on_redis(settings, lambda client: forget(client, name)):
        output.exit_undone(f"there is no consent of {name!r}: `receiver consent` lists them")
    output.print_message(f"{name}: deleted here; the subscriber can withdraw it at AT&T")


def _list(settings: Settings, *, as_json: bool) -> None:
    client = setup.client_of(settings)
    stored: Any = client.hgetall(CONSENTS)
    found = consent_record.all_of(stored)
    if not found:
        output.print_message("there is no consent: `receiver consent NAME`")
    told: list[dict[str, Any]] = [
        {"poll": name, "given": one.given, "ends": one.ends, "trouble": one.trouble()}
        for name, one in sorted(found.items())
    ]
    if as_json:
        output.print_documents(told)
    else:
        days = ((x["poll"], _day(x["given"]), _day(x["ends"]), x["trouble"]) for x in told)
        print_table(("poll", "given", "ends", "trouble"), days)


def _with(settings: Settings, act: Callable[[Consents], Awaitable[T]]) -> T:
    keys, replicas = settings.secret_keys, settings.ack_replicas
    with setup.refused(KeyMissing):
        return _on_redis(settings, lambda client: act(Consents(client, keys, replicas)))


def _on_redis(settings: Settings, act: Callable[[Redis], Awaitable[T]]) -> T:
    async def run() -> T:
        async with async_client(setup.redis_url(settings)) as client:
            await client.ping()
            return await act(client)

    return asyncio.run(run())


async def _nothing(_: Consents) -> None:
    return


def _day(seconds: int) -> str:
    return f"{within_calendar(seconds * 1000):%Y-%m-%d}"
