"""`receiver rejected`: list, show, replay and drop rejected requests."""

from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import click
import redis

from receiver.cli.send import demo_token
from receiver.cli.terminal import output, selection, setup
from receiver.cli.terminal.kept_tables import list_requests, show_request, write_body
from receiver.cli.terminal.options import token_option, url_option
from receiver.cli.terminal.output import printable
from receiver.cli.terminal.progress_bar import selecting
from receiver.cli.terminal.selection import selected, selected_or_all
from receiver.contract.redis_keys import REJECTED
from receiver.operations import rejected_requests
from receiver.operations.rejected_requests import Found, Replay, Selection, WrongToken
from receiver.runtime.blocking_http import Unreachable

_selecting = selection.options(
    click.option("--listener", default="", help="Only those sent to this listener."),
    click.option("--reason", default="", help="Only with this text in the reason."),
    click.option(
        "--status", type=click.IntRange(100, 599), help="Only those answered with this status."
    ),
)


@click.group()
def command() -> None:
    """List, show, replay or drop requests with a valid credential that were refused.

    \b
      receiver rejected list
      receiver rejected list --status 400 --newer-than 2h
      receiver rejected show 1764000000000-0
      receiver rejected replay --all
      receiver rejected drop --older-than 30d

    The newest 10,000 are kept: 400, 403 and 415 with the whole body, 408 and 413 with its first
    4 KiB, and the invalid items of a batch whose other items were accepted. An ID is that of the
    entry on the stream, or of the receipt. Requests without a valid credential are only counted.

    Exit codes: 0 done; 1 nothing to replay or drop matched, or some were not accepted; 2 a wrong
    option, setting or token, or no Redis or receiver.
    """


@command.command(
    "list", short_help="List refused requests, without phone numbers and message texts."
)
@_selecting
@output.json_option
def list_(*, as_json: bool, **chosen: Any) -> None:
    """List refused requests, oldest first, without phone numbers and message texts.

    \b
      receiver rejected list --reason senderaddress
      receiver rejected list --newer-than 1d | jq -r .id

    Exit codes: 0 done, also when there is none; 2 a wrong option or setting, or no Redis.
    """
    client = setup.client_of(setup.settings(file=False))
    found = rejected_requests.select(client, selected(Selection, **chosen))
    count = list_requests(found, as_json=as_json)
    if not count:
        output.print_message("no refused requests found")


@command.command(short_help="Print refused requests whole.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--body", "only_body", is_flag=True, help="Print only the bytes of the body.")
@output.json_option
def show(ids: tuple[str, ...], *, only_body: bool, as_json: bool) -> None:
    """Print refused requests whole: the reason, the headers without credentials, the body.

    \b
      receiver rejected show 1764000000000-0
      receiver rejected show 1764000000000-0 --body > body.json

    As JSON the body is in `body`, or in `body_base64` where it is not UTF-8. On a terminal what of
    it could control that is replaced, also with --body.

    Exit codes: 0 done; 1 none was found; 2 a wrong option or setting, or no Redis.
    """
    client, count = setup.client_of(setup.settings(file=False)), 0
    for found in rejected_requests.select(client, Selection(ids=frozenset(ids))):
        count += 1
        if only_body:
            write_body(found.refusal.body)
        else:
            show_request(found, as_json=as_json)
    if not count:
        output.exit_undone("there is no such request: see `receiver rejected list`")


@command.command(short_help="Send refused requests to the receiver again.")
@_selecting
@click.option("--all", "everything", is_flag=True, help="Select all refused requests.")
@url_option
@output.json_option
@token_option
def replay(
    *, everything: bool, url: str | None, token: str | None, as_json: bool, **chosen: Any
) -> None:
    """Send refused requests to the receiver again, unchanged but for the token.

    \b
      receiver rejected replay 1764000000000-0
      receiver rejected replay --status 403 --newer-than 1d --token SECRET
      receiver rejected replay --all

    A request that is accepted leaves the list and counts as accepted. A request that would be
    refused again stays in the list and is not sent; neither is one of which only the beginning
    was kept.

    Exit codes: 0 all were accepted; 1 nothing matched, or some were not; 2 a wrong option,
    setting or token, or no Redis or receiver.
    """
    wanted = selected_or_all(Selection, chosen, everything=everything)
    settings = setup.settings(file=False)
    token = token or demo_token(settings)
    client, url = setup.client_of(settings), url or setup.base_url(settings)
    outcomes: Counter[str] = Counter()
    replaying = Replay(client, url, token)
    try:
        with _chosen(client, wanted) as all_found:
            for found in all_found:
                outcome = replaying.send(found)
                outcomes[outcome] += 1
                if outcome != "taken":
                    output.say(f"{found.id}: {printable(outcome)}")
    except WrongToken:
        raise setup.Refused("401: this token is not valid there: another --token") from None
    except Unreachable:
        raise setup.Refused(f"{url} cannot be reached; is it elsewhere? --url, or PORT") from None
    finally:
        taken = outcomes.pop("taken", 0)
        left = outcomes.total()
        said = f"taken {taken}, not taken {left}"
        output.print_result(said, as_json=as_json, taken=taken, not_taken=left)
    if not (taken or left):
        selection.print_none_chosen("request", "receiver rejected list", wanted)
    raise SystemExit(0 if taken and not outcomes else 1)


@command.command(short_help="Delete refused requests for good.")
@_selecting
@click.option("--all", "everything", is_flag=True, help="Select all refused requests.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@output.json_option
def drop(*, everything: bool, yes: bool, as_json: bool, **chosen: Any) -> None:
    """Delete refused requests for good, once you have dealt with them.

    \b
      receiver rejected drop 1764000000000-0
      receiver rejected drop --reason senderaddress --older-than 7d
      receiver rejected drop --all --yes

    The ledger goes on counting them as rejected. With --all it asks first.

    Exit codes: 0 done; 1 nothing matched; 2 a wrong option or setting, or no Redis.
    """
    wanted = selected_or_all(Selection, chosen, everything=everything)
    client, count = setup.client_of(setup.settings(file=False)), 0
    if everything and not yes:
        click.confirm("Delete all refused requests, for good?", abort=True, err=True)
    try:
        with _chosen(client, wanted) as all_found:
            for found in all_found:
                count += rejected_requests.drop(client, found)
    finally:
        output.print_result(f"dropped {count}", as_json=as_json, dropped=count)
    if not count:
        selection.print_none_chosen("request", "receiver rejected list", wanted)
    raise SystemExit(0 if count else 1)


def _chosen(client: redis.Redis, wanted: Selection) -> AbstractContextManager[Iterable[Found]]:
    select = partial(rejected_requests.select, client, wanted)
    return selecting("Refused requests", len(wanted.ids), client.xlen(REJECTED), select)
