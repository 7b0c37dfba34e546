"""One round of the poll `alice`, killed at a chosen point:
`python -m tests.support.dying_mailbox POINT`.
"""

import asyncio
import os
import signal
import sys
from typing import Any

from receiver.config.settings import load
from receiver.polling.mailbox.api import MailboxApi
from receiver.polling.mailbox.consents import Consents
from receiver.polling.mailbox.progress import ProgressStore
from receiver.polling.process import Process
from receiver.polling.shelf import Shelf
from tests.support.polling import FAST

STEPS: dict[str, tuple[Any, str]] = {
    "index": (MailboxApi, "build_index"),
    "page": (MailboxApi, "page"),
    "messages": (MailboxApi, "some"),
    "append": (Shelf, "append"),
    "note": (ProgressStore, "write"),
    "consent": (Consents, "write"),
}


def patch(point: str) -> None:
    """`before append`, `after append 2`: at the first, or the second time."""
    when, name, *times = point.split()
    owner, attribute = STEPS[name]
    method, left = getattr(owner, attribute), [int(times[0]) if times else 1]

    async def dying(*arguments: Any, **more: Any) -> Any:
        left[0] -= 1
        if when == "before" and not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        result = await method(*arguments, **more)
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, attribute, dying)


def main(point: str) -> None:
    settings = load(os.environ)
    patch(point)

    async def run() -> None:
        process = Process(settings, lambda: False, FAST)
        try:
            await process.once(settings.polls[0])
        finally:
            await process.close()

    asyncio.run(run())


if __name__ == "__main__":
    main(sys.argv[1])
