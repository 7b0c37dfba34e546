"""`receiver simulate`: simulate the carriers and judge the receiver."""

import asyncio
import secrets
import time
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from receiver.cli.send import demo_token
from receiver.cli.simulate import gateway, operator, report, simulated_server
from receiver.cli.simulate.attempt_log import AttemptLog
from receiver.cli.terminal import output, setup
from receiver.cli.terminal.options import NumberOption, token_option, url_option
from receiver.config.fault import nearest
from receiver.config.settings import Settings
from receiver.contract.redis_keys import EVENTS
from receiver.runtime import redis_client, redis_errors
from receiver.simulate import scenario as scenarios
from receiver.simulate.http_client import Target
from receiver.simulate.plan import RUN_DIGITS
from receiver.simulate.run import Run, Stream
from receiver.simulate.scenario import MOST, Phase, Scenario
from receiver.simulate.verdict import Verdict

_AMOUNT: Final = NumberOption(0, 1_000_000, min_open=True)


class _Simulate(click.Group):
    """One command and its sub-commands, each of which is one as the first argument only.

    A scenario file stands where a group has the name of a sub-command.
    """

    allow_interspersed_args = True

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **more: Any,
    ) -> click.Context:
        """Make the context of the sub-command where one is named, else of the group."""
        if args and (found := self.commands.get(args[0])):
            return found.make_context(f"{info_name} {args[0]}", args[1:], parent, **more)
        return super().make_context(info_name, args, parent, **more)


@click.group(cls=_Simulate, invoke_without_command=True, subcommand_metavar="")
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@url_option
@token_option
@click.option(
    "--listener",
    metavar="NAME",
    help="Listener name, the last part of each URL.  "
    "[default: none; without --url `default`, or else the first in receiver.toml]",
)
@click.option("--redis-url", help="Redis to which it publishes.  [default without --url: its own]")
@click.option(
    "--from-stream", metavar="NAME", help=f"Stream to which it publishes.  [default: {EVENTS}]"
)
@simulated_server.seed_option
@click.option(
    "--rate",
    type=_AMOUNT,
    help="Notifications a second, instead of the scenario's phases.",
)
@click.option("--duration", type=_AMOUNT, help="Seconds of sending.")
@click.option(
    "--count",
    type=click.IntRange(1, MOST),
    help="So many notifications; without --rate all at once.",
)
@click.option("--run", "name", metavar="NAME", help="Repeat an earlier run, byte for byte.")
@click.option(
    "--log", type=click.Path(path_type=Path), help="Write every attempt as a line of JSON."
)
@output.json_option
def command(scenario: Path | None, url: str | None, token: str | None, **options: Any) -> None:
    """Simulate the carriers: send what AT&T and a CAMARA operator send, and judge the receiver.

    \b
      receiver simulate                                  the receiver of `receiver up --demo`
      receiver simulate --rate 500 --duration 60 --seed 7
      receiver simulate carriers.toml --json
      receiver simulate --url https://hooks.example.com --token SECRET --count 1000 \\
          --redis-url redis://elsewhere:6379/0 --from-stream their:events

    It follows the carriers' rules: AT&T repeats whatever was not answered 2xx, with 72 hours
    compressed to one minute; CAMARA observes Retry-After, and a 401 or 410 ends a subscription.
    Some notifications are repeated, reordered, malformed, oversized or unauthorised. Events are
    recognised by their content, so any other receiver can be tested too.

    Without options it sends some 2,000 notifications in half a minute.

    \b
    Exit code 2 for a wrong option, setting or scenario, or no Redis; 1 if
      - an acknowledged notification is not published within the settling time, or is twice
      - a subscription was ended, a request without a valid token was accepted, or none was

    Where every answer is 401 or 404 it stops at once and says so.

    Ctrl-C stops sending, and the verdict is printed; a second one ends it at once. The scenario
    file: docs/simulate.md.

    `receiver simulate operator` is the other side, for a client that subscribes;
    `receiver simulate gateway` for one that polls.
    """
    settings = setup.settings(file=not url)
    listener = options["listener"] or ("" if url else settings.own_listener)
    played = scenarios.at_listener(_scenario(scenario, options), listener)
    log = AttemptLog(options["log"])
    with report.progress() as show:
        run = Run(
            scenario=played,
            seed=played.seed,
            name=_name(options["name"]),
            target=_target(url or setup.base_url(settings), token or demo_token(settings)),
            stream=_stream(settings, options["redis_url"], options["from_stream"], url),
            show=show,
            observe=log.write,
            zone=settings.place(listener or "default")[0],
        )
        verdict = _play(run)
    report.print_verdict(verdict, as_json=options["as_json"])
    log.close()
    if verdict.faults:
        raise SystemExit(1)


command.add_command(operator.command, "operator")
command.add_command(gateway.command, "gateway")


def _play(run: Run) -> Verdict:
    import uvloop

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run.play())
    except redis_errors.DOWN as error:
        raise setup.redis_fault(error) from None


def _scenario(path: Path | None, options: dict[str, Any]) -> Scenario:
    try:
        found = simulated_server.scenario(scenarios.load, Scenario(), path, options["seed"])
    except setup.Refused as refused:
        meant = nearest(str(path), command.commands if path and not path.exists() else ())
        hint = f"; did you mean `receiver simulate {meant}`?" if meant else ""
        raise setup.Refused(f"{refused}{hint}") from None
    rate, seconds, count = options["rate"], options["duration"], options["count"]
    if count and not (rate or seconds or path):
        found = msgspec.structs.replace(found, phase=(Phase(burst=count),))
    elif rate or seconds:
        rate = rate or (count / seconds if count else 100.0)
        seconds = seconds or (2 * count / rate + 10 if count else 30.0)
        found = msgspec.structs.replace(found, phase=(Phase(rate, seconds),))
    return msgspec.structs.replace(found, count=count or found.count)


def _name(given: str | None) -> str:
    if given is None:
        return f"{int(time.time()):08x}{secrets.token_hex((RUN_DIGITS - 8) // 2)}"
    if len(given) != RUN_DIGITS or set(given) - set("0123456789abcdef"):
        raise setup.Refused(f"--run {given!r}: the name that an earlier run printed")
    return given


def _target(url: str, token: str) -> Target:
    try:
        return Target(url, token)
    except OSError as error:
        raise setup.Refused(f"{url} cannot be reached: {error.strerror}") from None


def _stream(
    settings: Settings, redis_url: str | None, name: str | None, url: str | None
) -> Stream | None:
    """Return the stream to verify by; None for a receiver elsewhere without --redis-url."""
    if url and not redis_url and not name:
        return None
    if redis_url and (wrong := redis_client.fault(redis_url)):
        raise setup.Refused(f"--redis-url: {wrong}")
    return Stream(redis_url or setup.redis_url(settings), name or EVENTS)
