"""`receiver worker`: run the workers."""

import os
import signal
import sys

import click

from receiver.cli.terminal import setup
from receiver.cli.terminal.process import Process
from receiver.runtime import hangup


@click.command(cls=Process)
def command() -> None:
    """Run the workers: normalise notifications, publish events exactly once, deliver to sinks.

    \b
      REDIS_URL=redis://localhost:6379/0 receiver worker
      RECEIVER_WORKERS=2 receiver worker

    It needs the same REDIS_URL as `receiver web`, and the environment variables with the secrets
    that the sinks in receiver.toml name. Each sink has a process of its own. Run any number of
    workers, on any number of machines. SIGTERM lets each finish its batch, a second one ends it
    at once; neither loses anything, nor does SIGKILL.
    """
    settings = setup.settings_for_process("worker")
    setup.refuse_weak_redis(settings)
    setup.begin_log(settings)
    hangup.put_off()  # until the program that follows listens
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # and so Ctrl-C: no traceback of it
    os.environ["PYTHONSAFEPATH"] = "1"  # or a folder `workers` in the current directory is run
    os.execv(sys.executable, [sys.executable, "-m", "workers"])  # noqa: S606
