"""Runs a normalise worker that is killed: `python -m tests.support.dying_worker POINT SLOT`."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from receiver.config.settings import load
from workers.normalise.job import Normaliser
from workers.normalise.pipelined_connection import PipelinedConnection
from workers.normalise.publish_script import PublishReply, PublishScript
from workers.processes import worker_process

POINTS = ("after the read", "before the script", "after the script", "before the job ends")

_FIELDS = len(PublishReply._fields)


def _die(*_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _after(method: Callable[..., Any], when: Callable[[Any], bool]) -> Callable[..., Any]:
    def dying(*arguments: Any) -> Any:
        result = method(*arguments)
        if when(result):
            _die()
        return result

    return dying


def _is_reply_of_the_script(reply: Any) -> bool:
    return isinstance(reply, list) and len(reply) == _FIELDS and isinstance(reply[0], int)


def arm(point: str) -> None:
    """Have this process killed when it gets there."""
    if point == "after the read":
        Normaliser._wait = _after(Normaliser._wait, bool)  # type: ignore[method-assign]
    elif point == "before the script":
        PublishScript.calls = _die  # type: ignore[method-assign, assignment]
    elif point == "after the script":
        PipelinedConnection.receive = _after(PipelinedConnection.receive, _is_reply_of_the_script)  # type: ignore[method-assign]
    else:
        run = Normaliser.run

        def run_and_die(self: Normaliser) -> None:
            run(self)
            _die()

        Normaliser.run = run_and_die  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(sys.argv[1])
    settings = load(os.environ)
    sys.exit(worker_process.normalise(settings, settings.redis_url or "", sys.argv[2]))
