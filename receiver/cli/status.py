"""`receiver status`: everything on one screen, or one device, asked of its operator now."""

import asyncio
from typing import Any

import click

from receiver.cli.terminal import output, setup, status_screen
from receiver.cli.terminal.table import print_pairs
from receiver.config import devices
from receiver.config.operators import Operator
from receiver.config.settings import Settings
from receiver.outbound import Limits, OperatorClient, device_status
from receiver.outbound.device_status import DeviceStatus
from receiver.outbound.operator_credentials import NotConfigured, credentials


@click.command()
@click.argument("device", required=False)
@click.option("--operator", "name", help="The operator to ask.  [default: the only one]")
@output.json_option
def command(device: str | None, name: str | None, *, as_json: bool) -> None:
    """Print the state of everything; or ask an operator whether a device is reachable and roams.

    \b
      receiver status
      receiver status --json | jq .sinks
      receiver status +12065550100
      receiver status +12065550100 --operator att --json | jq .reachable

    Without DEVICE: the web process of this machine, Redis, the spool, the ledger, workers, sinks,
    polls, operators, and when each listener was last heard. While Redis is away it says so, and
    what is known without it.

    DEVICE is a phone number, an IP address (with :PORT behind an IPv4 one that is shared) or a
    network access identifier. The operator is one of receiver.toml with a status URL; its secrets
    are read from the same variables as for `receiver worker`. No Redis is needed.

    Exit codes: 0 all is well, or answered; 1 something is not, or the operator did not answer all
    of it; 2 a wrong option or setting.
    """
    settings = setup.settings()
    if device is None:
        everything = status_screen.read(settings)
        show = status_screen.print_json if as_json else status_screen.show
        show(everything)
        raise SystemExit(0 if status_screen.well(everything) else 1)
    found = devices.parse_device(device)
    if found is None:
        raise setup.Refused(f"DEVICE: {devices.WANTED}")
    operator = _chosen(settings, name)
    status = asyncio.run(_ask(settings, operator, found))
    if as_json:
        output.print_document({"operator": operator.name} | status.printed())
    else:
        _print_table(operator, status)
    for query, fault in status.faults.items():
        output.say(output.printable(f"operator {operator.name!r}, {query}: {fault}"))
    raise SystemExit(1 if status.faults else 0)


def _chosen(settings: Settings, name: str | None) -> Operator:
    """Return the operator to ask. Raises `Refused`."""
    if not settings.operators:
        raise setup.Refused("receiver.toml declares no [[operator]]: see docs/subscriptions.md")
    able = {one.name: one for one in settings.operators if device_status.urls(one)}
    if name is None:
        if len(able) > 1:
            raise setup.Refused(f"--operator: one of {', '.join(able)} is wanted")
        name = next(iter(able), settings.operators[0].name)
    elif name not in {one.name for one in settings.operators}:
        names = ", ".join(one.name for one in settings.operators)
        raise setup.Refused(f"--operator: receiver.toml has no operator {name!r}, but {names}")
    if name not in able:
        raise setup.Refused(f"operator {name!r} has no status = URL in receiver.toml")
    return able[name]


async def _ask(settings: Settings, operator: Operator, device: dict[str, Any]) -> DeviceStatus:
    with setup.refused(NotConfigured):
        who = credentials(operator, settings.operator_variables)
    limits = Limits(rate=operator.rate, concurrency=operator.concurrency)
    async with OperatorClient(who, limits) as client:
        return await device_status.ask(client, operator, device)


def _print_table(operator: Operator, status: DeviceStatus) -> None:
    pairs: list[tuple[str, object]] = [
        ("operator", operator.name),
        ("reachable", _word(status.reachable)),
        ("connectivity", " and ".join(status.connectivity or ()) or "-"),
        ("roaming", _word(status.roaming)),
        ("country", _country(status)),
        ("last status", status.last_status_time or "-"),
    ]
    print_pairs(pairs)


def _word(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"


def _country(status: DeviceStatus) -> str:
    code = "" if status.country_code is None else str(status.country_code)
    return " ".join(filter(None, (code, ", ".join(status.country_name)))) or "-"
