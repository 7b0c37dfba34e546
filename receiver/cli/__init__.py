"""The commands of `receiver`: one module each, imported only when its command is run."""

from receiver.runtime import early_interrupt

# isort: split

import shutil
import sys
from importlib import import_module
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem, FishComplete, add_completion_class

from receiver import __version__
from receiver.cli.terminal import stdio, termination

COMMANDS = {
    "up": "Run everything in one: Redis, web, workers. Start here, with --demo.",
    "web": "Run the web process: takes notifications in.",
    "console": "Run the console, a web page for operators, or print a link to it.",
    "worker": "Run the workers: normalise, publish, deliver to sinks.",
    "poll": "Fetch what is polled instead of pushed, as receiver.toml says.",
    "send": "Send a realistic sample notification to a receiver.",
    "tail": "Print events as they are published.",
    "listen": "Deliver the events to a web hook on this machine.",
    "verify": "Check the signature of a web hook's request, and say what is wrong with it.",
    "schema": "Print the JSON Schemas of the published events.",
    "simulate": "Simulate the carriers: load a receiver, then check what it published.",
    "init": "Write a receiver.toml with everything in it, commented out.",
    "config": "Check the environment and receiver.toml: every fault at once, with its line.",
    "doctor": "Find what would lose data, admit strangers, or expire soon.",
    "ledger": "Print the ledger; exit code 1 if it does not balance.",
    "credentials": "Manage bearer tokens: add, list, rotate, revoke.",
    "losses": "Manage what Redis came back without: list, clear.",
    "rejected": "Manage rejected requests: list, show, replay, drop.",
    "dead-letters": "Manage dead letters: list, show, replay, drop.",
    "explain": "Trace one notification, by the id of its receipt or event.",
    "sinks": "Manage sinks: list, test, pause, start, remove.",
    "subscriptions": "Manage subscriptions at operators: list, show, plan, apply, renew, delete.",
    "status": "Show everything on one screen; or ask an operator for the state of a device.",
    "polls": "Show the polls of receiver.toml and how each stands.",
    "consent": "Store a subscriber's consent to read a mailbox; list consents.",
    "inbox": "Use a subscriber's mailbox: list, get, mark, delete, send.",
    "watch": "Watch messages whose delivery status is to be asked for: add, list, drop.",
    "erase": "Erase all that is stored about a person.",
    "export-person": "Print all that is stored about a person.",
    "selftest": "Send one real message and print what is heard of it.",
    "replay": "Send past events to one sink again.",
}

_CLICKS_NARROWEST = 52
"""Columns below which click writes help as if there were as many."""
_MODULES = {"up": "up.up", "simulate": "simulate.simulate", "listen": "listen.listen"}
"""Commands whose module is not named like them."""


class _Commands(click.Group):
    """List the commands without importing them, so that `--help` is fast."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command with stdout and stderr prepared (`terminal.stdio`)."""
        try:
            stdio.prepare()
            if (columns := shutil.get_terminal_size().columns) < _CLICKS_NARROWEST:
                options["terminal_width"] = max(columns - 2, 30)
            return super().main(*args, **options)
        except KeyboardInterrupt as how:
            _end(how)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments. Raises `click.UsageError` for one that is not UTF-8."""
        for place, argument in enumerate(args, 1):
            if not argument.isprintable() and any("\ud800" <= c <= "\udfff" for c in argument):
                raise click.UsageError(f"argument {place} is not UTF-8", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Ctrl-C ends it with exit code 130, and SIGTERM by that signal; neither
        with a traceback, nor a Redis that refuses or does not answer.
        """
        try:
            with termination.interrupts():
                return super().invoke(ctx)
        except KeyboardInterrupt as how:
            _end(how)
        except click.NoSuchOption as error:
            from receiver.cli.terminal.process import naming_variable  # late, as all that logs

            raise naming_variable(error) from None
        except click.Abort as no:
            if isinstance(no.__context__, KeyboardInterrupt):  # where a question was asked
                _end(no.__context__)
            if isinstance(no.__context__, EOFError):
                click.echo("\nreceiver: nobody answers: --yes does it without asking", err=True)
                raise SystemExit(1) from None
            raise
        except Exception as error:
            redis = sys.modules.get("redis")  # a command that needs none does not wait for it
            if redis is None or not isinstance(error, redis.RedisError):
                raise
            from receiver.cli.terminal.setup import redis_fault

            raise redis_fault(error) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what a shell offers, without importing the commands: a person waits for it."""
        found = [
            CompletionItem(name, help=said)
            for name, said in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = _MODULES.get(name, name.replace("-", "_"))
        command: click.Command = import_module(f"{__name__}.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command. Raises `click.UsageError`, with the nearest that there is."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches  # late: every command would pay for it

            if close := get_close_matches(args[0], COMMANDS, 1):
                ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _end(how: KeyboardInterrupt) -> NoReturn:
    if isinstance(how, termination.Terminated):
        termination.end()
    raise SystemExit(130) from None


@add_completion_class
class _Fish(FishComplete):
    """Completion for fish, where a description does not end at its first comma."""

    source_template = FishComplete.source_template.replace(
        'split "," $completion', 'split --max 1 "," $completion'
    )


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="receiver")
def main() -> None:
    """Run and operate the receiving end of telecom network APIs.

    AT&T SMS callbacks and CAMARA CloudEvents come in over HTTP; normalised events come out on the
    Redis Stream receiver:events, exactly once.

    \b
    Try it out:
      receiver up --demo            everything, with a token and a sample of each kind
      receiver send mo              (in another terminal) one more text message
      receiver ledger               the notifications so far, by outcome

    \b
    Run it for real, against your Redis:
      export REDIS_URL=redis://... RECEIVER_BEARER_TOKENS=...
      receiver web                  one or more of these
      receiver worker               and of these

    Every command explains itself: receiver COMMAND --help. Settings are environment variables;
    listeners and sinks stand in receiver.toml. docs/configuration.md has all of them.
    """


early_interrupt.over()  # a command ends at it in a way of its own
