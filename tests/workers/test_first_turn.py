"""A supervisor does not wait before it begins."""

import threading

import pytest

from receiver.config.settings import Settings
from tests.support.eventually import eventually
from tests.support.valkey import Valkey
from workers.processes import supervisor
from workers.processes.worker_child import WorkerChild


def test_the_first_workers_start_at_once(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    tended: list[WorkerChild] = []
    monkeypatch.setattr(supervisor, "TICK", 3600)
    monkeypatch.setattr(WorkerChild, "tend", lambda self: tended.append(self))
    stop = threading.Event()
    settings = Settings(redis_url=valkey.url)
    supervising = supervisor.Supervisor(settings, valkey.url, stop)
    thread = threading.Thread(target=supervising.run)
    thread.start()
    try:
        eventually(lambda: tended)
    finally:
        stop.set()
        thread.join()
