"""`receiver poll`: run the polls of receiver.toml."""

import asyncio
import os
import threading

import click
import structlog

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.options import NumberOption
from receiver.cli.terminal.process import Process
from receiver.config import polls, problems
from receiver.config.polls import Poll
from receiver.config.reload import Reload, Watch
from receiver.config.settings import Settings, SettingsError
from receiver.runtime import logs, stop_flag

log = structlog.get_logger()


@click.command(cls=Process)
@click.option("--once", metavar="NAME", help="One round of this poll now, then end.")
@click.option(
    "--grace",
    type=NumberOption(0.0, 300.0),
    default=20.0,
    show_default=True,
    help="Seconds for an answer that is under way at SIGTERM.",
)
def command(*, once: str | None, grace: float) -> None:
    """Fetch what receiver.toml polls for ([[poll]]): messages, statuses, changes of mailboxes.

    \b
      REDIS_URL=redis://localhost:6379/0 receiver poll
      receiver poll --once promo && echo fetched

    It needs REDIS_URL, the same as `receiver web` (beside `receiver up` it finds that one's Redis),
    the secrets that the polls name, and a disk that outlives it for RECEIVER_DATA_DIR: what a
    gateway hands out it removes, so each answer is written there first. Run one; a second one waits
    until the first is gone. Without any [[poll]] it waits. SIGTERM finishes the answer that is
    under way.

    Exit codes of --once: 0 it was fetched, also when there was nothing; 1 it was not, and why; 2 a
    wrong setting.
    """
    found = _settings(once)
    reload = _reload(found)
    setup.begin_log(found)
    for first, second in polls.twins(found.polls):
        log.warning(
            "poll.twins", said=f"{first} and {second} have one registration: each takes half"
        )
    stop = stop_flag.on_signals()
    if once is None:
        asyncio.run(_run(reload, stop, grace))
        return
    poll = next(one for one in found.polls if one.name == once)
    raise SystemExit(asyncio.run(_once(found, poll, stop, grace)))


def _settings(once: str | None) -> Settings:
    found = setup.settings_for_process("poll")
    if once is not None and once not in {one.name for one in found.polls}:
        names = ", ".join(one.name for one in found.polls)
        none = (
            f"there is no such [[poll]], but {names}" if names else "receiver.toml has no [[poll]]"
        )
        raise setup.Refused(f"--once {once}: {none}")
    if wrong := problems.poll_problems(found):
        raise setup.Refused("\n".join(wrong))
    setup.refuse_weak_redis(found)
    return found


def _reload(found: Settings) -> Reload:
    with setup.refused(SettingsError):
        environ = os.environ | {"REDIS_URL": found.redis_url or ""}
        return Reload(environ, problems.poll_problems)


async def _run(reload: Reload, stop: threading.Event, grace: float) -> None:
    from receiver.polling.pace import Pace
    from receiver.polling.process import Process

    process = Process(reload.settings, stop.is_set, Pace(grace=grace))
    loop = asyncio.get_running_loop()
    Watch(reload, lambda new: loop.call_soon_threadsafe(process.take, new)).start()
    log.info("poll.starts", polls=len(reload.settings.polls))
    try:
        await process.run()
    finally:
        await process.close()


async def _once(found: Settings, poll: Poll, stop: threading.Event, grace: float) -> int:
    from receiver.polling.pace import Pace
    from receiver.polling.process import Process
    from receiver.polling.rounds import GOOD
    from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP, refusal

    process = Process(found, stop.is_set, Pace(grace=grace))
    try:
        done = await process.once(poll)
    except DOWN_ON_THE_LOOP as error:
        raise setup.Refused(f"Redis: {refusal(error)}") from None
    finally:
        await process.close()
    if logs.readable():
        said = f"{poll.name}: {done.outcome}" + (f": {done.trouble}" if done.trouble else "")
        output.print_message(said)
    else:
        tell = log.warning if done.trouble else log.info
        tell("poll.once", poll=poll.name, outcome=done.outcome, trouble=done.trouble)
    return 0 if done.outcome in GOOD else 1
