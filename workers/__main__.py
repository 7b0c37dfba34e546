"""`python -m workers`: the supervisor.

`python -m workers normalise SLOT`, `python -m workers forward SINK SLOT`, `python -m workers
parking`: its processes. `python -m workers test-sink SINK`: what `receiver sinks test` runs.
"""

from receiver.runtime import early_interrupt

# isort: split

import os
import signal
import sys

import structlog

from receiver.config.problems import problems
from receiver.config.reload import Reload, Watch
from receiver.config.settings import SettingsError
from receiver.runtime import hangup, logs, stop_flag
from workers.forward import trial
from workers.processes import worker_process
from workers.processes.plan import Plan
from workers.processes.supervisor import Supervisor

log = structlog.get_logger()


def main(arguments: list[str]) -> int:
    """Run the supervisor or one worker. Returns the exit status; 2 for a wrong setting."""
    hangup.listen() if not arguments else hangup.ignore()
    try:
        reload = Reload(os.environ, problems)
        settings = reload.settings
        if settings.redis_url is None:
            raise SettingsError("REDIS_URL is not set: name the Redis or Valkey the receiver uses")
    except SettingsError as error:
        logs.say_refusal([str(error)])
        return 2
    logs.configure(settings.log_level)
    if arguments[:1] == ["test-sink"]:  # what other sinks lack does not concern it
        status = trial.run(settings, arguments[1])
        sys.stdout.flush()
        os._exit(status)  # it frees nothing: see `trial`
    if wrong := problems(settings):
        logs.say_refusal(wrong)
        return 2
    match arguments:
        case []:
            return _supervise(reload, settings.redis_url)
        case ["normalise", slot]:
            return worker_process.normalise(settings, settings.redis_url, slot)
        case ["forward", sink, slot]:
            return worker_process.forward(settings, settings.redis_url, sink, slot)
        case ["parking"]:
            return worker_process.parking(settings, settings.redis_url)
        case _:
            print("usage: python -m workers", file=sys.stderr)
            return 2


def _supervise(reload: Reload, url: str) -> int:
    stop = stop_flag.on_signals(ends_at_second=True)  # and workers finish their batch
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # `receiver worker` put it off
    supervisor = Supervisor(reload.settings, url, stop, reload.text)
    Watch(reload, lambda new: supervisor.plans.put(Plan(new, reload.text))).start()
    log.info("worker.starts", sinks=len(reload.settings.sinks))
    supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
early_interrupt.over()  # it was only imported
