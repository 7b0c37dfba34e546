"""One run: everything is started, harmed for a while, mended, and judged."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct

from receiver.operations import sink_ledger
from tests.chaos import guard, measure, report
from tests.chaos.around import Around
from tests.chaos.faults import Faults
from tests.chaos.fleet import TOKEN, Fleet
from tests.chaos.judge import Judged, judge
from tests.chaos.line import Line
from tests.chaos.report import Result
from tests.chaos.schedule import schedule
from tests.support.commands import RECEIVER, environment
from tests.support.valkey import Valkey

_SCENARIO: Final = """
connections = 256
timeout = 4.0
settle = 600.0
phase = [{{rate = {rate}, seconds = {seconds}}}]
[att]
attempts = 12
retry_for = 60.0
[camara]
attempts = 6
pause = 0.5
"""
"""Of `settle` no more passes than until everything has come out, unless something is lost."""


class Wanted(Struct, frozen=True):
    """What kind of run."""

    seed: int
    seconds: float
    rate: float
    faults: int
    spool: bool
    """Whether the web processes have one; they do under `receiver up`."""
    alone: bool
    """Whether nothing is beside the load."""
    limited: bool
    """Whether an interruption beyond its limit is a failure; not on a machine that is busy."""
    into: Path
    directory: Path
    """For logs; may be looked at afterwards."""


async def run(wanted: Wanted, say: Callable[[str], None]) -> Result:
    """Do it and write the report."""
    # Its environment can be read as long as it does not write its title over that.
    valkey = Valkey(maxmemory=f"{_megabytes(wanted)}mb", set_proc_title="no")
    try:
        result = await _run(wanted, valkey, say)
    finally:
        valkey.stop()
    report.write(result, wanted.into)
    return result


async def _run(wanted: Wanted, valkey: Valkey, say: Callable[[str], None]) -> Result:
    log = wanted.directory / "attempts.jsonl"
    async with _running(wanted, valkey, say) as (faults, fleet, front, around):
        async with _simulating(wanted, valkey, front, log) as simulate:
            await _begun(log)
            planned = schedule(wanted.seed, wanted.seconds, wanted.faults, alone=wanted.alone)
            await faults.run(planned, time.monotonic(), say)
            if around:
                around.settling = True
            out, _ = await simulate.communicate()
        verdict: dict[str, Any] = json.loads(out)
        settled = time.time() - verdict["begun"] - verdict["seconds"]
        judged = await _judge(around) if around else Judged()
        books = await _books(valkey)
        surprises = [*fleet.surprises]
    attempts = measure.read(log)
    return Result(
        seed=wanted.seed,
        seconds=wanted.seconds,
        spool=wanted.spool,
        verdict=verdict,
        books=books,
        faults=faults.done,
        surprises=surprises,
        machine=_machine(),
        measured=measure.measure(attempts, faults.done, verdict["begun"], wanted.seconds),
        settled=settled,
        around=judged,
        limited=wanted.limited,
    )


def _megabytes(wanted: Wanted) -> int:
    """Return what Redis may have: all that comes has room in it, and the dead sink's share, a
    hundredth of it, is less than a third of its events.
    """
    return max(64, round(wanted.rate * wanted.seconds / 30))


async def _judge(around: Around) -> Judged:
    books = await asyncio.to_thread(sink_ledger.read, around.client)
    parked = sum(one.parked for one in books if one.name == "dead")
    await around.rest()
    return await judge(around, parked)


def _machine() -> str:
    cores, (_, _, load) = os.cpu_count(), os.getloadavg()
    return f"{cores} cores, load average over the last quarter of an hour {load:.1f}"


@contextlib.asynccontextmanager
async def _running(
    wanted: Wanted, valkey: Valkey, say: Callable[[str], None]
) -> AsyncIterator[tuple[Faults, Fleet, int, Around | None]]:
    random = Random(wanted.seed)
    fleet = Fleet(wanted.directory, valkey, alone=wanted.alone)
    lines = {name: Line([str(valkey.socket)], random) for name in ("web-line", "worker-line")}
    lines["front"] = Line([*fleet.web_ports.values()], random)
    ports = {name: await line.listen() for name, line in lines.items()}
    front, around = ports["front"], None
    if not wanted.alone:
        around = Around(fleet, valkey.client(), front, wanted.directory)
    tending = asyncio.create_task(fleet.tend(say))
    try:
        fleet.start(ports["web-line"], ports["worker-line"], spool=wanted.spool)
        await _ready(fleet)
        if around:
            await around.start()
        yield Faults(fleet, lines, around.poll_killed if around else None), fleet, front, around
    finally:
        if around:
            await around.close()
        tending.cancel()
        fleet.close()
        for line in lines.values():
            await line.close()


async def _ready(fleet: Fleet) -> None:
    async with asyncio.timeout(60):
        for port in fleet.web_ports.values():
            while not await _answers(port):  # noqa: ASYNC110 - another process has no event of ours
                await asyncio.sleep(0.05)


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return b" 200 " in answer.partition(b"\r\n")[0]


@contextlib.asynccontextmanager
async def _simulating(
    wanted: Wanted, valkey: Valkey, front: int, log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    scenario = wanted.directory / "scenario.toml"
    scenario.write_text(_SCENARIO.format(rate=wanted.rate, seconds=wanted.seconds))
    options = ["--url", f"http://127.0.0.1:{front}", "--redis-url", valkey.url, "--json"]
    options += ["--log", str(log), "--seed", str(wanted.seed)]
    process = await asyncio.create_subprocess_exec(
        *RECEIVER,
        "simulate",
        str(scenario),
        *options,
        cwd=wanted.directory,
        env=environment(**guard.mark(), RECEIVER_TOKEN=TOKEN),
        stdout=asyncio.subprocess.PIPE,
        stderr=sys.stderr,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _begun(log: Path) -> None:
    """Wait for the first attempt: on a busy machine the load may begin late."""
    async with asyncio.timeout(120):
        while not _has_lines(log):  # noqa: ASYNC110 - a file has no event of ours
            await asyncio.sleep(0.05)


def _has_lines(log: Path) -> bool:
    return log.exists() and log.stat().st_size > 0


async def _books(valkey: Valkey) -> dict[str, Any]:
    """The books; a notification that was never acknowledged may take a moment longer."""
    for _ in range(60):
        process = await asyncio.create_subprocess_exec(
            *RECEIVER,
            *("ledger", "--json"),
            env=environment(**guard.mark(), REDIS_URL=valkey.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        out, _ = await process.communicate()
        books: dict[str, Any] = json.loads(out)
        if not books["open"]:
            break
        await asyncio.sleep(0.5)
    return books
