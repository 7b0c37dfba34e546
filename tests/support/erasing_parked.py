"""Parked events about two people, of whom one has hers erased."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.erasing import HER, HIS, erase
from tests.support.forwarding import Forwarding, event, publish
from tests.support.parking import Parking, copy_sink
from tests.support.valkey import Valkey
from workers.parking import segment

__all__ = ["HER", "HIS", "erase"]


def publish_hers_and_his(valkey: Valkey, count: int) -> list[str]:
    """Every third is about her; the ids of those that are not."""
    about = {number: HIS if number % 3 else HER for number in range(count)}
    publish(valkey, *(event(n, subject=who, data={"from": who}) for n, who in about.items()))
    return [event(number)["id"] for number, who in about.items() if who == HIS]


def all_parked(
    valkey: Valkey, parking: Callable[..., Parking], count: int
) -> tuple[Any, Parking, list[str]]:
    """A parker with so many events on disk, hers and his; the ids of his."""
    client = Forwarding(valkey, copy_sink(share=0.0001)).client
    client.hset("receiver:sink:copy", "stopped", "until all are parked")
    parked = parking(copy_sink(share=0.0001))
    ids = publish_hers_and_his(valkey, count)
    parked.run()
    assert parked.parked() == count
    return client, parked, ids


def come_back(parked: Parking, forwarding: Forwarding) -> None:
    """Until nothing is parked or open."""
    for _ in range(200):
        parked.run(1)
        forwarding.run()
        books = parked.books()
        if not books.parked + books.open:
            return


@contextmanager
def stepping(parked: Parking) -> Iterator[None]:
    """A parker at work, as in its process."""
    over = threading.Event()
    work = threading.Thread(target=parked.parker.run, args=(lambda _: over.wait(0.005),))
    work.start()
    try:
        yield
    finally:
        over.set()
        work.join()


def _read(data: bytes, at: int, size: int) -> bytes:
    return data[at : at + size]


def on_disk(directory: Path) -> bytes:
    """All events in segment files."""
    found = []
    for path in directory.rglob("*.segment*"):
        data = path.read_bytes()
        for one in segment.scan(partial(_read, data), len(data)):
            found += segment.events(data[one.at : one.at + one.size])
    return b"\n".join(event or b"" for _, event in found)
