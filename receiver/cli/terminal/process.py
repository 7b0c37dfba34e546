"""Commands that go on running: what keeps one from its start is a line of its log."""

from typing import Any

import click

from receiver.cli.terminal import termination
from receiver.runtime import logs


def naming_variable(error: click.UsageError) -> click.UsageError:
    """Return the error; of an option that is none, and is a variable, one that names that."""
    option = error.option_name if isinstance(error, click.NoSuchOption) else ""
    if (name := option.lstrip("-").replace("-", "_").upper()) in ("PORT", "HOST", "REDIS_URL"):
        return click.UsageError(f"No such option {option!r}: set the variable {name}.", error.ctx)
    return error


class UntilStopped(click.Command):
    """A command that runs until it is stopped, and says itself what SIGTERM does."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        termination.leave()
        return super().invoke(ctx)


class Process(UntilStopped):
    """A part of the receiver. Why it refuses to start is JSON where its log is."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Make the context. A wrong option is said as any other reason not to start."""
        try:
            return super().make_context(*args, **more)
        except click.UsageError as error:
            _log(naming_variable(error))
            raise SystemExit(error.exit_code) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. Of a group, what its other commands say is for people."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if ctx.invoked_subcommand is not None:
                raise
            _log(error)
            raise SystemExit(error.exit_code) from None


class ProcessGroup(Process, click.Group):
    """A process that has other commands under its name."""


def _log(error: click.ClickException) -> None:
    """Log why it does not start; where people see it, raise it again."""
    if logs.readable():
        raise error
    logs.say_refusal(error.format_message().splitlines())
