"""`receiver dead-letters`: list, show, replay and drop dead letters."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import click
import redis

from receiver.cli.terminal import output, selection, setup
from receiver.cli.terminal.kept_tables import list_letters, show_letter
from receiver.cli.terminal.progress_bar import selecting
from receiver.cli.terminal.selection import selected, selected_or_all
from receiver.contract.redis_keys import DEAD_LETTERS
from receiver.operations import dead_letters
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Found, Selection
from receiver.operations.replay_throttle import NoRoom, ReplayThrottle
from receiver.runtime.bell import Bell

_selecting = selection.options(
    click.option("--sink", default="", help="Only deliveries to this sink."),
    click.option(
        "--reason", default="", help="Only with this text in the reason; or a glob for all of it."
    ),
)

Action = Callable[[Iterable[Found]], Iterator[tuple[str, str]]]
"""An action on dead letters: yields id and result of each."""


@click.group()
def command() -> None:
    """List, show, replay or drop notifications not understood and events not delivered.

    \b
      receiver dead-letters list
      receiver dead-letters list --sink billing --newer-than 2h
      receiver dead-letters show 1764000000000-0
      receiver dead-letters replay --reason "*timed out*" --older-than 10m
      receiver dead-letters drop --sink old-crm --older-than 3d

    An ID is the dead letter's own, or the id of the receipt or event in it. Dead letters are kept
    for 30 days, at most 100,000 notifications, and as many of each sink's events; `receiver ledger`
    counts those that were trimmed. Commands may be repeated and run at the same time: each dead
    letter is replayed or dropped once.

    Exit codes: 0 done; 1 nothing to replay, drop or show matched, or some of it failed; 2 a wrong
    option or setting, or no Redis.
    """


@command.command("list", short_help="List dead letters, without phone numbers and message texts.")
@_selecting
@output.json_option
def list_(*, as_json: bool, **chosen: Any) -> None:
    """List dead letters, oldest first, without phone numbers and message texts.

    \b
      receiver dead-letters list --reason "no sender"
      receiver dead-letters list --newer-than 1d | jq -r .id

    Exit codes: 0 done, also when there is none; 2 a wrong option or setting, or no Redis.
    """
    client = setup.client_of(setup.settings(file=False))
    letters = dead_letters.select(client, selected(Selection, **chosen))
    count = list_letters((found.summary for found in letters), as_json=as_json)
    if not count:
        output.print_message("no dead letters found")


@command.command(short_help="Print dead letters whole.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@output.json_option
def show(ids: tuple[str, ...], *, as_json: bool) -> None:
    """Print dead letters whole: the reason, and the body with phone numbers and message texts.

    \b
      receiver dead-letters show 1764000000000-0
      receiver dead-letters show 1764000000000-0 | jq -r .body

    As JSON the body is in `body`, or in `body_base64` where it is not UTF-8.

    Exit codes: 0 done; 1 none was found; 2 a wrong option or setting, or no Redis.
    """
    client = setup.client_of(setup.settings(file=False))
    count = 0
    for found in dead_letters.select(client, Selection(ids=frozenset(ids))):
        show_letter(found, as_json=as_json)
        count += 1
    if not count:
        output.exit_undone("there is no such dead letter: see `receiver dead-letters list`")


@command.command(short_help="Process dead letters again.")
@_selecting
@click.option("--all", "everything", is_flag=True, help="Select all dead letters.")
@output.json_option
def replay(*, everything: bool, as_json: bool, **chosen: Any) -> None:
    """Process dead letters again: notifications by the workers, events by their sink.

    \b
      receiver dead-letters replay 1764000000000-0
      receiver dead-letters replay --sink billing --reason "*timed out*"
      receiver dead-letters replay --all

    They are not changed: an event keeps its id. What fails again becomes a dead letter again. The
    command does not overload workers and sinks: it waits while they are behind, and while Redis is
    nearly full. It stops after a minute in which nothing was processed; what was not replayed stays
    a dead letter, also after Ctrl-C.

    Exit codes: 0 done; 1 nothing matched, or some of it failed or was left; 2 a wrong option or
    setting, or no Redis.
    """
    settings = setup.settings()
    client, sinks = setup.client_of(settings), frozenset(sink.name for sink in settings.sinks)
    actions = DeadLetterActions(client)
    bell = Bell(client)
    notice = output.WaitNotice(bell.enqueue)
    throttle = ReplayThrottle(client, settings.full_percent, notice)
    wanted = selected_or_all(Selection, chosen, everything=everything)
    replaying = partial(actions.replay, sinks=sinks, pace=throttle)
    try:
        _apply(client, wanted, replaying, as_json=as_json)
    except NoRoom as why:
        output.exit_undone(f"stopped: {why}; the rest stays, replay it later")
    finally:
        bell.enqueue()


@command.command()
@_selecting
@click.option("--all", "everything", is_flag=True, help="Select all dead letters.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@output.json_option
def drop(*, everything: bool, yes: bool, as_json: bool, **chosen: Any) -> None:
    """Drop dead letters for ever; the ledger counts them.

    \b
      receiver dead-letters drop 1764000000000-0
      receiver dead-letters drop --sink old-crm --older-than 3d

    With --all, on a terminal, it asks first.

    Exit codes: 0 done; 1 nothing matched, or some of it failed; 2 a wrong option or setting, or no
    Redis.
    """
    client = setup.client_of(setup.settings(file=False))
    wanted = selected_or_all(Selection, chosen, everything=everything)
    if everything and not yes and sys.stdin.isatty():
        click.confirm("Drop all dead letters, for ever?", abort=True, err=True)
    _apply(client, wanted, DeadLetterActions(client).drop, as_json=as_json)


def _apply(client: redis.Redis, wanted: Selection, action: Action, *, as_json: bool) -> None:
    """Apply an action to every selected dead letter; print the counts and each failure."""
    outcomes: Counter[str] = Counter()
    try:
        with _chosen(client, wanted) as all_found:
            for entry, outcome in action(all_found):
                outcomes[outcome] += 1
                if outcome not in ("done", "gone"):
                    output.say(f"{entry}: {outcome}")
    finally:
        done, gone = outcomes.pop("done", 0), outcomes.pop("gone", 0)
        failed = outcomes.total()
        said = f"done {done}, gone meanwhile {gone}, failed {failed}"
        output.print_result(said, as_json=as_json, done=done, gone=gone, failed=failed)
    if not (done or gone or failed):
        selection.print_none_chosen("dead letter", "receiver dead-letters list", wanted)
    if failed or not (done or gone):
        raise SystemExit(1)


def _chosen(client: redis.Redis, wanted: Selection) -> AbstractContextManager[Iterable[Found]]:
    select = partial(dead_letters.select, client, wanted)
    return selecting("Dead letters", len(wanted.ids), client.xlen(DEAD_LETTERS), select)
