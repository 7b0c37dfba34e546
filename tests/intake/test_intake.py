"""Group commit, before a real Valkey and a line that can be cut."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import INBOUND, LEDGER, REJECTED
from receiver.intake import waiting_requests
from receiver.intake.group_commit import Intake
from receiver.intake.inbound_writer import Inbound, script
from receiver.intake.redis_link import RedisLink
from receiver.intake.waiting_requests import WAITING_ENTRIES, Overloaded, Unavailable
from tests.support.valkey import Valkey


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's time is up on a slow machine."""
    monkeypatch.setattr(waiting_requests, "ACKNOWLEDGE_WITHIN", 30.0)


class Line:
    """A line to a Valkey that passes commands on and may lose the replies."""

    def __init__(self, to: Path) -> None:
        self._to = to
        self._at = to.with_name("line")
        self.url = f"unix://{self._at}"
        self.lost = 0
        self.to_lose = 0
        self._serving: list[asyncio.Task[Any]] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._serve, self._at)
        async with server:
            yield
        await asyncio.gather(*self._serving)
        self._at.unlink(missing_ok=True)  # from 3.13 on asyncio has removed it

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.append(task)
        replies, commands = await asyncio.open_unix_connection(self._to)
        forward = asyncio.create_task(self._forward(reader, commands))
        while data := await replies.read(65536):
            # The reply to the script is an array of three numbers.
            if self.to_lose and data.startswith(b"*3"):
                self.to_lose -= 1
                self.lost += 1
                break
            writer.write(data)
        for end in (writer, commands):
            end.close()
            await end.wait_closed()
        await forward

    @staticmethod
    async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()


def run(url: str, test: Callable[[Intake], Coroutine[Any, Any, None]]) -> list[str]:
    """Run a coroutine with a started intake; returns how often it rang, as a list of bells."""
    bells: list[str] = []

    async def main() -> None:
        link = RedisLink(url, script())
        intake = Intake(Inbound(link, lambda: bells.append("ring"), lambda *_: None))
        intake.start()
        await test(intake)
        await intake.close()

    asyncio.run(main())
    return bells


def test_requests_that_arrive_during_a_write_share_the_next_one(valkey: Valkey) -> None:
    client = valkey.client()

    async def together(intake: Intake) -> None:
        await asyncio.gather(*(intake.keep([b"n%d" % i], []) for i in range(500)))

    bells = run(valkey.url, together)
    assert client.xlen(INBOUND) == 500
    assert client.hget(LEDGER, "accepted") == b"500"
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] < 50
    assert bells == ["ring"]


def test_a_lost_reply_is_neither_a_loss_nor_a_second_copy(valkey: Valkey) -> None:
    line = Line(valkey.socket)
    line.to_lose = 2

    async def send(intake: Intake) -> None:
        async with line.open():
            await intake.keep([b"one"], [])
            await intake.keep([b"two"], [])
            await intake.close()

    run(line.url, send)
    entries: Any = valkey.client().xrange(INBOUND)
    assert line.lost == 2
    assert [fields[b"n"] for _, fields in entries] == [b"one", b"two"]


def test_notifications_and_refusals_of_one_request_are_written_together(valkey: Valkey) -> None:
    async def send(intake: Intake) -> None:
        await intake.keep([b"good"], [b"bad", b"worse"])

    run(valkey.url, send)
    client = valkey.client()
    assert (client.xlen(INBOUND), client.xlen(REJECTED)) == (1, 2)
    assert client.hmget(LEDGER, "accepted", "rejected") == [b"1", b"2"]


def test_a_waiter_that_is_cancelled_harms_nobody(valkey: Valkey) -> None:
    async def send(intake: Intake) -> None:
        first, second, third = (intake.keep([name], []) for name in (b"1", b"2", b"3"))
        second.cancel()
        await asyncio.gather(first, third)

    run(valkey.url, send)
    assert valkey.client().xlen(INBOUND) == 3


def test_what_could_not_be_written_in_time_is_refused_and_not_written_later(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey.kill()

    async def send(intake: Intake) -> None:
        with monkeypatch.context() as hurried:
            hurried.setattr(waiting_requests, "ACKNOWLEDGE_WITHIN", 1.0)
            first = intake.keep([b"early"], [])
            await asyncio.sleep(0)  # it is flying now, the next one waits behind it
            second = intake.keep([b"waiting"], [])
        with pytest.raises(Unavailable):
            await second
        with pytest.raises(Unavailable):
            await first
        await asyncio.to_thread(valkey.start)
        await intake.keep([b"later"], [])

    run(valkey.url, send)
    entries: Any = valkey.client().xrange(INBOUND)
    assert [fields[b"n"] for _, fields in entries] == [b"later"]


def test_a_server_that_is_full_says_so_at_once(valkey: Valkey) -> None:
    client = valkey.client()
    client.config_set("maxmemory", 1)

    async def send(intake: Intake) -> None:
        with pytest.raises(Unavailable):
            await intake.keep([b"one"], [])
        await asyncio.to_thread(client.config_set, "maxmemory", "256mb")
        await intake.keep([b"two"], [])

    run(valkey.url, send)
    assert client.xlen(INBOUND) == 1


def test_scripts_that_the_server_forgot_are_brought_again(valkey: Valkey) -> None:
    async def send(intake: Intake) -> None:
        await intake.keep([b"one"], [])
        await asyncio.to_thread(valkey.client().script_flush)
        await intake.keep([b"two"], [])

    run(valkey.url, send)
    assert valkey.client().xlen(INBOUND) == 2


def test_more_than_may_wait_is_refused_at_once(valkey: Valkey) -> None:
    async def send(intake: Intake) -> None:
        waiting = [intake.keep([b"x"], []) for _ in range(WAITING_ENTRIES)]
        with pytest.raises(Overloaded):
            intake.keep([b"one too many"], [])
        await asyncio.gather(*waiting)
        await intake.keep([b"room again"], [])

    run(valkey.url, send)
    assert valkey.client().xlen(INBOUND) == WAITING_ENTRIES + 1


def test_more_bytes_than_may_wait_are_refused_at_once(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_requests, "WAITING_BYTES", 100_000)

    async def send(intake: Intake) -> None:
        waiting = [intake.keep([b"x" * 30_000], [b"y" * 10_000]) for _ in range(3)]
        with pytest.raises(Overloaded):
            intake.keep([b"one too many"], [])
        await asyncio.gather(*waiting)
        await asyncio.gather(*(intake.keep([b"x" * 30_000], [b"y" * 10_000]) for _ in range(3)))

    run(valkey.url, send)
    assert valkey.client().xlen(INBOUND) == 6
