"""What the models share: a server of their own, two clocks that they move, and consumer groups."""

import inspect
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final

import pytest

from receiver.runtime import scripts
from receiver.subscriptions import lease, store, sweep
from tests.models.breakages import EXCHANGE, Breakage
from tests.models.client import Client
from tests.support.environ import ROOT
from tests.support.valkey import Valkey
from workers import second_clock
from workers.forward import delivery_queue, delivery_scripts
from workers.normalise import job

BEGIN: Final = int(time.time())
"""Seconds since 1970 at which each history begins: stream ids are of the server's real clock."""
ROOMS: Final = ("receiver", "workers")
_TIME: Final = "test:time"
_AT_IMPORT: Final[list[tuple[Any, str, str]]] = [
    (lease, "_ACQUIRE", "acquire_lease"),
    (store, "_COMMIT", "commit"),
    (store, "_DELETE", "delete_credentials"),
]
"""Scripts that a module has loaded already: where, and their names."""
_load = scripts.load


class World:
    """One server, its time and this machine's in the hand of the history."""

    def __init__(self, valkey: Valkey) -> None:
        self.client: Any = Client(str(valkey.socket))
        self.url = valkey.url
        # A read that waits for a millisecond is answered at the server's next tick.
        self.client.config_set("hz", 500)
        self.server = self.local = BEGIN
        self.true = BEGIN
        """The time by a clock that never jumps."""
        self.breakage: Breakage | None = None
        """What is wrong on purpose with the scripts that are loaded from now on."""

    def begin(self) -> None:
        """Empty the server, and set both clocks to the beginning."""
        self.client.flushdb()
        self.true = BEGIN
        self.set(BEGIN, BEGIN)
        for module, name, script in _AT_IMPORT:
            setattr(module, name, self.load(module.__package__ or "", script))
        queue: Any = delivery_queue
        queue.DeliveryScripts = self._exchange()

    def lose_all(self) -> None:
        """Empty the server in the middle of a history."""
        self.client.flushdb()
        self.set(self.server, self.local)

    def set(self, server: int, local: int) -> None:
        """Set the clocks, in seconds."""
        self.server, self.local = server, local
        self.client.hset(_TIME, mapping={"s": server, "us": 0})

    def pass_by(self, seconds: int, *groups: tuple[str, str]) -> None:
        """Let time go by for both clocks, and for what these groups (stream, name) have pending."""
        self.true += seconds
        self.set(self.server + seconds, self.local + seconds)
        for stream, group in groups:
            self._age(stream, group, 1000 * seconds)

    def _age(self, stream: str, group: str, milliseconds: int) -> None:
        if group not in self.groups(stream):
            return
        for one in self.client.xpending_range(stream, group, "-", "+", 10_000):
            entry, idle = one["message_id"], one["time_since_delivered"] + milliseconds
            if self.client.xrange(stream, entry, entry):
                self.client.xclaim(
                    stream, group, one["consumer"], 0, [entry], idle=idle, justid=True
                )

    def load(self, package: str, name: str) -> str:
        """Load a script that asks for the time of the history."""
        text = _load(package, name)
        if self.breakage and self.breakage.script in (name, ""):
            text = text.replace(self.breakage.was, self.breakage.becomes)
        return text.replace("redis.call('TIME')", f"redis.call('HMGET', '{_TIME}', 's', 'us')")

    def _exchange(self) -> type[delivery_scripts.DeliveryScripts]:
        """Return the class that sends the scripts of a sink's deliveries."""
        if not self.breakage or self.breakage.script != EXCHANGE:
            return delivery_scripts.DeliveryScripts
        found: dict[str, Any] = {"__package__": delivery_scripts.__package__}
        text = inspect.getsource(delivery_scripts)
        exec(text.replace(self.breakage.was, self.breakage.becomes), found)  # noqa: S102 - ours
        broken: type[delivery_scripts.DeliveryScripts] = found["DeliveryScripts"]
        return broken

    def check_breakage(self) -> None:
        """Raise unless the script that is wrong on purpose is another one and can still be run."""
        assert self.breakage
        if self.breakage.script == EXCHANGE:
            assert self.breakage.was in inspect.getsource(delivery_scripts)
            return
        script = self.breakage.script or "enter_group"
        (path,) = (each for room in ROOMS for each in (ROOT / room).rglob(f"{script}.lua"))
        package = ".".join(path.parent.relative_to(ROOT).parts)
        assert self.breakage.was in _load(package, script)
        self.client.script_load(self.load(package, script))

    def groups(self, stream: str) -> list[str]:
        """Return the names of a stream's consumer groups."""
        if not self.client.exists(stream):
            return []
        return [group["name"].decode() for group in self.client.xinfo_groups(stream)]

    def disturb(self, stream: str, group: str, how: str) -> None:
        """Do to a group what a stranger with an administration tool may do."""
        if group not in self.groups(stream):
            return
        if how == "set to 0":
            self.client.xgroup_setid(stream, group, "0")
        elif how == "set to the end":
            self.client.xgroup_setid(stream, group, "$")
        else:
            self.client.xgroup_destroy(stream, group)
            if how == "made anew at the end":
                self.client.xgroup_create(stream, group, id="$")


STRANGERS: Final = ("destroyed", "made anew at the end", "set to 0", "set to the end")
JUMPS: Final = (0, 3600, -3600, 10 * 24 * 3600, -10 * 24 * 3600)
"""Seconds that one clock may be off."""


@contextmanager
def world() -> Iterator[World]:
    """Yield a world. Scripts that are loaded in it, and workers, see its clocks."""
    valkey = Valkey(appendonly="no", appendfsync="no")  # what a disk keeps is not the question here
    with pytest.MonkeyPatch.context() as patch:
        it = World(valkey)
        patch.setattr(scripts, "load", it.load)
        patch.setattr(second_clock, "local_time", lambda: 1000 * it.local)
        patch.setattr(delivery_queue, "DeliveryScripts", delivery_scripts.DeliveryScripts)
        patch.setattr(job, "LINGER_MILLISECONDS", 1)
        patch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: it.true))
        patch.setattr(sweep, "time", SimpleNamespace(time=lambda: it.local))
        for module, name, _ in _AT_IMPORT:
            patch.setattr(module, name, getattr(module, name))
        try:
            yield it
        finally:
            it.client.close()
            valkey.stop()
