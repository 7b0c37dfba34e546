"""`receiver doctor`: findings about the setup."""

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec
import redis

from receiver.cli.terminal import output, setup, spool_depth
from receiver.cli.terminal.output import printable, terminal
from receiver.config import bootstrap_tokens
from receiver.config.settings import Settings, SettingsError, load
from receiver.doctor import parking, polls, redis_cli
from receiver.doctor.console import check_console, check_sessions
from receiver.doctor.environment import check_environment, demo_token
from receiver.doctor.finding import Finding, worst_first
from receiver.doctor.key_types import check_key_types, check_sink_keys
from receiver.doctor.public_url import check_public_url
from receiver.doctor.redis_server import check_redis_server
from receiver.doctor.spool import check_spool
from receiver.doctor.subscriptions import left_behind, subscriptions
from receiver.doctor.unreachable_redis import ASK, explain_unreachable
from receiver.doctor.workload import check_sink_variables, check_workload
from receiver.health import durability
from receiver.metrics import snapshot
from receiver.metrics.snapshot import Snapshot
from receiver.runtime import redis_errors
from receiver.subscriptions import overview

_COLOURS = {"serious": "bold red", "warning": "yellow", "note": "dim"}


@click.command()
@output.json_option
def command(*, as_json: bool) -> None:
    """Find what in this setup would lose data, admit strangers, or expire soon.

    \b
      receiver doctor
      receiver doctor --json | jq -r .fix
      receiver doctor || mail -s "receiver" ops@example.com    (every morning)

    Run it where the receiver runs, with the same environment. It changes nothing. For each finding
    it prints the severity, what is wrong, why that matters, and how to mend it.

    Exit codes: 0 nothing, or notes only; 1 something is serious, or a warning; 2 not everything
    could be examined.
    """
    settings, findings = _settings()
    named = not findings
    tokens = bootstrap_tokens.split(os.environ.get("RECEIVER_BEARER_TOKENS", ""))
    if not settings.redis_url:  # it is `receiver up` that is meant
        spool = settings.spool_dir or settings.data_dir / "spool"
        parked = settings.park_dir or settings.data_dir / "parked"
        settings = msgspec.structs.replace(settings, spool_dir=spool, park_dir=parked)
    url = setup.redis_url(settings)
    findings += [*check_environment(settings, tokens, url), *check_console(settings)]
    if not settings.redis_url and (demo := demo_token(settings)):
        tokens.append(demo)
    findings += [*polls.of_settings(settings), *polls.of_pages(settings)]
    findings += check_public_url(settings)
    client, status = setup.connect(url), 2
    try:
        findings += _of_server(settings, client)
        findings += check_sessions(client)
        wrong_types = list(check_key_types(client))
        findings += [*wrong_types, *check_sink_keys(client, settings)]
        if not wrong_types:  # else what follows fails at them
            findings += _of_work(settings, client, tokens, named=named)
            status = int(any(one.severity != "note" for one in findings))
    except redis_errors.DOWN as error:
        findings += explain_unreachable(url, error, spool_depth.describe(settings))
        findings += check_spool(settings, redis_answers=False)
    found = worst_first(_asking(findings, settings, url, client))
    output.print_documents(found) if as_json else _print_table(found)
    raise SystemExit(status)


def _settings() -> tuple[Settings, list[Finding]]:
    """Return the settings, and a finding where `receiver.toml` is broken: then without it."""
    try:
        return load(os.environ), []
    except SettingsError as error:
        settings = setup.settings(file=False)
        return settings, [
            Finding(
                "serious",
                f"receiver.toml is not in use as it stands: {error}",
                "what runs goes on as it said before, and nothing that ends could start again; "
                "listeners, sinks and whatever else it names are not examined here",
                "receiver config check  # prints all that is wrong with it",
            )
        ]


def _of_server(settings: Settings, client: redis.Redis) -> list[Finding]:
    """Return findings about the Redis server, which need no right to read keys."""
    info: Any = client.info()
    before, now, after = time.time(), client.time(), time.time()
    off = now[0] + now[1] / 1e6 - (before + after) / 2
    return list(check_redis_server(settings, info, durability.settings_of(client), off))


def _of_work(
    settings: Settings, client: redis.Redis, tokens: Sequence[str], *, named: bool
) -> Iterator[Finding]:
    """Yield findings about what Redis holds. Unless `named`, receiver.toml could not be read, and
    nothing is said to be missing in it. Raises one of `DOWN`, after what was found before.
    """
    found = snapshot.of_settings(client, settings)
    if not named:
        found = _without_names(found)
    yield from polls.of_state(settings, found.polls, found.now)
    yield from polls.where_pages_lie(settings, found.polls, found.now)
    yield from check_sink_variables(settings, found)
    yield from check_workload(settings, found, tokens, demo_token(settings))
    yield from polls.consents(settings, found)
    yield from subscriptions(settings, found)
    slots = overview.read_slots(client) if named else []
    yield from left_behind(settings, slots, found.now)
    yield from parking.parking(settings, found, parking.event_bytes(client))
    yield from check_spool(settings, redis_answers=True)


def _without_names(found: Snapshot) -> Snapshot:
    """Return what can be judged without `receiver.toml`: of the sinks those that workers have."""
    known = [(name, one) for name, one in found.sinks.items() if one.known(found.now)]
    sinks = {name: msgspec.structs.replace(one, parking={}) for name, one in known}
    return msgspec.structs.replace(found, sinks=sinks, watches=[])


def _asking(
    findings: list[Finding], settings: Settings, url: str, client: redis.Redis
) -> list[Finding]:
    """Return the findings with remedies that ask the Redis in use, wherever that is."""
    if settings.redis_url:
        ask = redis_cli.of(url, redis_cli.master_of(client))
    else:
        ask = redis_cli.of_embedded(settings.data_dir / "redis-url")
    return [msgspec.structs.replace(one, fix=one.fix.replace(ASK, ask)) for one in findings]


def _print_table(findings: list[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 1, 0))
    for one in findings:
        said = Text(printable(one.what) + "\n", style="bold")
        said.append(printable(one.why) + "\n", style="not bold")
        said.append(printable(one.fix), style="not bold cyan")
        table.add_row(Text(one.severity, style=_COLOURS[one.severity]), said)
    terminal().print(table if findings else "[green]Nothing found.")
