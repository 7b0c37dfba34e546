"""A task that is cancelled ends, whatever took the first cancellation for its own."""

import asyncio

import pytest

from receiver.runtime import cancelling


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "_AGAIN", 0.01)


async def deaf(times: int, *, fails: bool = False) -> None:
    """Takes so many cancellations for those of a time-out of its own."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            times -= 1
            if times < 0:
                if fails:
                    raise ValueError from None
                raise


@pytest.mark.parametrize("times", [0, 1, 3])
@pytest.mark.parametrize("fails", [False, True])
def test_a_task_ends_although_it_swallows_a_cancellation(times: int, fails: bool) -> None:
    async def run() -> None:
        tasks = [asyncio.create_task(deaf(n, fails=fails)) for n in (times, 0)]
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await cancelling.cancel(tasks)
        assert all(each.done() for each in tasks)

    asyncio.run(run())


def test_what_has_ended_before_and_no_task_at_all_are_no_trouble() -> None:
    async def run() -> None:
        task = asyncio.create_task(asyncio.sleep(0))
        await task
        await cancelling.cancel([task])
        await cancelling.cancel([])

    asyncio.run(run())
