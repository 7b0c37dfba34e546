"""`receiver worker`: run the background half."""

import os
import sys

import click

from receiver.cli.terminal import setup


@click.command()
def command() -> None:
    """Run the background half: normalises what came in, publishes it exactly once, delivers it.

    \b
      REDIS_URL=redis://localhost:6379/0 receiver worker
      RECEIVER_WORKERS=2 receiver worker

    It needs REDIS_URL, the same as `receiver web`, and the secrets that the sinks in receiver.toml
    name. Each sink has a process of its own. Run as many workers as you like, on any number of
    machines. SIGTERM lets each worker finish its batch, a second one does not wait for that;
    SIGKILL loses nothing either.
    """
    settings = setup.settings_of_a_half("worker")
    setup.refuse_weak_redis(settings)
    from receiver.runtime import logs

    logs.configure(settings.log_level)
    setup.look_at_rights(settings.redis_url or "")
    os.environ["PYTHONSAFEPATH"] = "1"  # a folder called `workers` where we are started is not ours
    os.execv(sys.executable, [sys.executable, "-m", "workers"])  # noqa: S606
