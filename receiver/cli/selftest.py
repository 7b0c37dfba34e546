"""`receiver selftest`: one message out, and everything that is heard of it."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import click
import redis

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.event_reader import EventReader, decoded, event_printer
from receiver.config.polls import AttStatusPoll
from receiver.config.problems import poll_problems
from receiver.config.settings import Settings
from receiver.contract.redis_keys import poll_state
from receiver.contract.stored_values import whole
from receiver.outbound import NotSent, Unanswered
from receiver.outbound.http_client import HttpClient
from receiver.polling import identity, sending, watch_list
from receiver.polling.sending import SendingRefused
from receiver.polling.watch import fault
from receiver.polling.watch_list import Unwatchable

_NUMBER: Final = re.compile(r"(?:tel:)?\+[1-9][0-9]{6,14}").fullmatch
_ALIVE: Final = 30
"""Seconds since a poller's last sign of life."""
_LOOK: Final = 0.5


@click.command()
@click.option("--to", required=True, help="Who gets the message: a number such as +12065550100.")
@click.option("--poll", "name", default="", help="A [[poll]] of kind att-status.")
@click.option(
    "--within", type=click.IntRange(1, 73 * 3600), default=600, help="Seconds.  [default: 600]"
)
@click.option("--text", default="", help="The message.  [default: a word of ours and the time]")
@output.json_option
def command(to: str, name: str, within: int, text: str, *, as_json: bool) -> None:
    """Send one real message, watch it, and print each status and event as it comes.

    \b
      receiver selftest --to +12065550100
      receiver selftest --to +12065550100 --poll promo --within 3600

    Needs `receiver poll` and `receiver worker` running. The message is sent once and never again,
    whatever happens; the gateway may charge for it.

    Exit codes: 0 an event with a final status came; 1 none did within the time, or the message was
    not sent; 2 a wrong option or setting, no poller, or no Redis.
    """
    if not _NUMBER(to):
        raise click.BadParameter("a number such as +12065550100 is wanted", param_hint="--to")
    settings = setup.settings()
    poll = _poll(settings, name)
    client = setup.client_of(settings)
    _refuse_without_poller(client, poll.name)
    follow = EventReader(client, output.say)
    follow.start_at_end()
    text = text or f"receiver selftest {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    try:
        sent = asyncio.run(_send(settings, poll, to, text))
    except KeyboardInterrupt:
        output.say("whether the message was sent is unknown, and it is not sent again")
        raise
    output.print_message(f"sent: message id {sent}")
    _watch(client, poll, sent)
    show, until = event_printer(as_json=as_json), time.monotonic() + within
    final = _follow(client, poll.name, sent, follow, until, show)
    if not final:
        output.exit_undone(
            f"no final status within {within} s: `receiver polls list` says how the poll "
            "stands, `receiver watch list` whether it is still asked for"
        )


def _poll(settings: Settings, name: str) -> AttStatusPoll:
    with setup.refused(Unwatchable):
        poll = watch_list.status_poll(settings.polls, name)
    if "{sender}" in poll.send_template and not poll.sender:
        raise setup.Refused(f"poll {poll.name!r}: sender is wanted in receiver.toml")
    if wrong := [each for each in poll_problems(settings) if f"{poll.name!r}" in each]:
        raise setup.Refused("; ".join(wrong))
    return poll


def _refuse_without_poller(client: redis.Redis, name: str) -> None:
    seen: Any = client.hget(poll_state(name), "seen")
    now: Any = client.time()
    if now[0] - whole(seen) > _ALIVE:
        raise setup.Refused(f"nobody polls {name!r}: start `receiver poll`; nothing was sent")


async def _send(settings: Settings, poll: AttStatusPoll, to: str, text: str) -> str:
    """Send, return the message id, and end the command where that did not succeed."""
    http = HttpClient(deadline=60.0, keep_alive=False)
    try:
        who = identity.authentication(poll, settings.poll_variables, http)
        return await sending.send(poll, who, http, sending.request_body(to, text))
    except NotSent as error:
        said = f"nothing was sent: {error}"
    except Unanswered as error:
        said = f"whether the message was sent is unknown, and it is not sent again: {error}"
    except (SendingRefused, ValueError) as error:
        said = str(error)
    finally:
        await http.close()
    output.say(said)
    raise SystemExit(1)


def _watch(client: redis.Redis, poll: AttStatusPoll, sent: str) -> None:
    if why := fault(sent, poll.sender):
        output.say(f"{why}; what is pushed is waited for")
    else:
        watch_list.add(client, poll.name, sent, poll.sender)


def _follow(
    client: redis.Redis,
    poll: str,
    message_id: str,
    follow: EventReader,
    until: float,
    show: Callable[[bytes], None],
) -> bool:
    """Print what comes. Returns whether there was an event with a final status."""
    shown = ""
    while time.monotonic() < until:
        if (said := _status(client, poll, message_id)) and said != shown:
            output.print_message(f"status: {said}")
            shown = said
        for event, final in _events(follow, message_id):
            show(event)
            if final:
                return True
        time.sleep(_LOOK)
    return False


def _status(client: redis.Redis, poll: str, message_id: str) -> str:
    """Return what the gateway answered last, without the number."""
    watch = watch_list.find(client, poll, message_id)
    if watch is None or not watch.looks:
        return ""
    words = ", ".join(status for status, _ in watch.known.values()) or "none yet"
    return f"{words} (answers so far: {watch.looks})"


def _events(follow: EventReader, message_id: str) -> Iterator[tuple[bytes, bool]]:
    for event in follow.events(wait=False):
        data = (decoded(event) or {}).get("data", {})
        if data.get("messageId") == message_id:
            yield event, data.get("final") is True
