"""`receiver inbox`."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

import click

from receiver.carriers.att.items import fields_of
from receiver.carriers.att.mailbox_message import said
from receiver.cli.terminal import output, setup
from receiver.cli.terminal.kept_tables import write_body
from receiver.cli.terminal.table import print_table
from receiver.outbound import NotSent, Unanswered
from receiver.polling.mailbox import connect
from receiver.polling.mailbox.api import PAGE, MailboxApi, NoIndex, Refused, RequestRefused
from receiver.polling.mailbox.connect import NoSuchPoll
from receiver.polling.mailbox.consents import KeyMissing
from receiver.polling.mailbox.shapes import NotUnderstood
from receiver.runtime.redis_client import async_client

T = TypeVar("T")
_COLUMNS = ("messageId", "time", "direction", "channel", "from", "recipients", "unread", "favorite")
_is_short_code: Final = re.compile(r"[0-9]{3,8}").fullmatch


@click.group()
def command() -> None:
    """Use a subscriber's mailbox (In-App Messaging), with the consent of `receiver consent`.

    \b
      receiver inbox list alice
      receiver inbox mark alice WU124 --read
      receiver inbox send alice --to +12065550100 --text "On my way."

    NAME is that of a [[poll]] of kind "att-messages". What is changed here comes out as events too.
    Exit codes: 0 done; 1 there was nothing, or it is not known whether it was done; 2 a wrong
    option or setting, no Redis, no consent, or the gateway refused.
    """


@command.command("list", short_help="Messages, the newest first.")
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, PAGE), default=20, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0, show_default=True)
@click.option("--text", is_flag=True, help="With what they say.")
@output.json_option
def list_(name: str, limit: int, offset: int, *, text: bool, as_json: bool) -> None:
    """List messages, the newest first.

    \b
      receiver inbox list alice --limit 50
      receiver inbox list alice --text | jq -r .text
    """
    page = _ask(name, lambda api: api.page(offset, limit))
    if not page.messages:
        output.print_message("there is no message")
    _print(page.messages, text=text, as_json=as_json)


@command.command(short_help="One message, or one of its attachments.")
@click.argument("name")
@click.argument("message_id")
@click.option("--part", type=click.IntRange(0), help="Write this attachment to stdout.")
@output.json_option
def get(name: str, message_id: str, part: int | None, *, as_json: bool) -> None:
    """Print one message with its text, or write an attachment to stdout; on a terminal what of it
    could control that is replaced.

    \b
      receiver inbox get alice WU124
      receiver inbox get alice WU124 --part 1 > picture.jpg
    """
    if part is not None:
        write_body(_ask(name, lambda api: api.part(message_id, part)))
        return
    found = _ask(name, lambda api: api.message(message_id))
    if as_json:
        output.print_document(found)
        return
    for field, value in _shown(found, text=True).items():
        click.echo(f"{field}: {output.printable(value, keep=chr(10))}")


@command.command(short_help="Mark messages as read, unread, favorite or not.")
@click.argument("name")
@click.argument("message_ids", nargs=-1, required=True)
@click.option("--unread/--read", default=None)
@click.option("--favorite/--no-favorite", default=None)
def mark(
    name: str, message_ids: tuple[str, ...], unread: bool | None, favorite: bool | None
) -> None:
    """Mark messages as read, unread, favorite or not.

    \b
      receiver inbox mark alice WU124 WU125 --read --favorite
    """
    flags = {"isUnread": unread, "isFavorite": favorite}
    wanted = {flag: value for flag, value in flags.items() if value is not None}
    if not wanted:
        raise click.UsageError("--read, --unread, --favorite or --no-favorite is wanted")
    _ask(name, lambda api: api.mark(message_ids, wanted))
    output.print_message(f"marked: {len(message_ids)}")


@command.command(short_help="Delete messages for good.")
@click.argument("name")
@click.argument("message_ids", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(name: str, message_ids: tuple[str, ...], *, yes: bool) -> None:
    """Delete messages from the mailbox, which cannot be undone.

    \b
      receiver inbox delete alice WU124
    """
    if not yes:
        click.confirm(
            f"delete {len(message_ids)} of {name}'s messages for good?", abort=True, err=True
        )
    _ask(name, lambda api: api.delete(message_ids))
    output.print_message(f"deleted: {len(message_ids)}")


@command.command(short_help="Send a message as the subscriber.")
@click.argument("name")
@click.option("--to", "addresses", multiple=True, required=True, help="A number, short code, mail.")
@click.option("--text", help="What it says; `-` reads stdin, which no list of processes shows.")
@click.option("--subject", help="Makes it an MMS.")
@click.option("--group", is_flag=True, help="Everybody sees everybody.")
@output.json_instead
def send(
    name: str,
    addresses: tuple[str, ...],
    text: str | None,
    subject: str | None,
    *,
    group: bool,
    as_json: bool,
) -> None:
    """Send a message as the subscriber, once. It costs the subscriber what it costs.

    \b
      receiver inbox send alice --to +12065550100 --text "On my way."

    The id that is printed is the gateway's for the request; the message has another.
    """
    said = sys.stdin.read() if text == "-" else text
    if not said and not subject:
        raise click.UsageError("--text or --subject is wanted")
    request: dict[str, Any] = {"addresses": list(map(_address, addresses)), "text": said or ""}
    if subject:
        request["subject"] = subject
    if group:
        request["isGroup"] = True
    sent = _ask(name, lambda api: api.send(request))
    output.print_document({"id": sent}) if as_json else click.echo(sent)


def _ask(name: str, act: Callable[[MailboxApi], Awaitable[T]]) -> T:
    """Do one thing with a mailbox. Raises `setup.Refused` in words for whatever prevents it."""
    settings = setup.settings()
    try:
        poll = connect.poll_of(settings, name)

        async def run() -> T:
            async with (
                async_client(setup.redis_url(settings)) as client,
                connect.mailbox_api(settings, poll, client) as api,
            ):
                return await act(api)

        return asyncio.run(run())
    except (NoSuchPoll, KeyMissing, NotSent) as error:
        raise setup.Refused(str(error)) from None
    except Refused as error:
        hint = ": is there such a message?" if isinstance(error, RequestRefused) else ""
        raise setup.Refused(f"the gateway refused: {error}{hint}") from None
    except NotUnderstood as error:
        raise setup.Refused(f"the gateway's answer is none: {error}") from None
    except NoIndex:
        raise setup.Refused(
            "the gateway has no index of the mailbox yet: `receiver poll` has it built"
        ) from None
    except Unanswered as error:
        output.exit_undone(f"no answer ({error}): it may have been done; look first")


def _address(text: str) -> str:
    """Return an address as the gateway wants it: short codes, of 3 to 8 digits, with `short:`,
    other numbers with `tel:` (In-App Messaging, Send Message).
    """
    if "@" in text or text.startswith(("tel:", "short:")):
        return text
    return f"short:{text}" if _is_short_code(text) else f"tel:{text}"


def _print(messages: Iterable[dict[str, Any]], *, text: bool, as_json: bool) -> None:
    shown = [_shown(one, text=text) for one in messages]
    if as_json:
        output.print_documents(shown)
        return
    names = (*_COLUMNS, *(("text",) if text else ()))
    print_table(names, ([_plain(one[name]) for name in names] for one in shown))


def _shown(message: dict[str, Any], *, text: bool) -> dict[str, Any]:
    fields = fields_of(message)
    found = {**said(fields, "US"), "time": fields.get("timestamp")}
    return found if text else {key: found[key] for key in found if key not in ("text", "subject")}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
