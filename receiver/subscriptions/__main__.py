"""`python -m receiver.subscriptions OPERATOR`: the controller of one operator."""

import asyncio
import os
import sys

import structlog

from receiver.config.settings import SettingsError, load
from receiver.outbound import Limits, OperatorClient
from receiver.outbound.operator_credentials import NotConfigured, credentials
from receiver.runtime import hangup, logs, stop_flag
from receiver.subscriptions.controller import Controller

log = structlog.get_logger()

_MOST_BYTES = 64 * 1024**2
"""The largest answer: a list of some 100,000 subscriptions."""


def main(arguments: list[str]) -> int:
    """Run a controller; return the exit status: 2 for a wrong setting, which one line names.

    One whose operator's secret is missing says so and waits for its end.
    """
    hangup.ignore()  # the supervisor hears it for us
    try:
        settings = load(os.environ)
        found = {one.name: one for one in settings.operators}
        if settings.redis_url is None or len(arguments) != 1 or arguments[0] not in found:
            raise SettingsError(f"REDIS_URL and an operator are wanted: {', '.join(found)}")
        operator = found[arguments[0]]
    except SettingsError as error:
        logs.say_refusal([str(error)])
        return 2
    logs.configure(settings.log_level)
    stop = stop_flag.of_child()
    try:
        who = credentials(operator, settings.operator_variables)
    except NotConfigured as error:
        # Our environment does not change; ended, we would be started again, and say it each time.
        log.error("operator.not_configured", said=str(error))
        stop.wait()
        return 0

    async def run() -> None:
        limits = Limits(
            rate=operator.rate, concurrency=operator.concurrency, most_bytes=_MOST_BYTES
        )
        async with OperatorClient(who, limits) as client:
            await Controller(settings, operator, client, stop.is_set).run()

    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
