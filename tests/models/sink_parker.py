"""A host that parks, in a history: its disk, and trouble at the script that it runs."""

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.models.sink_worker import SINK
from workers.parking import memory_use, segment
from workers.parking.memory_use import Use
from workers.parking.place import Place
from workers.parking.sink_parking import SinkParking


class Killed(Exception):
    """The process that parks is killed here."""


class Parker:
    """One host. `meanwhile` happens between what it reads and the script that it runs."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._directory: Final = Path(tempfile.mkdtemp(prefix="models-"))
        self._late: list[Callable[[], Any]] = []
        self._start()

    def close(self) -> None:
        """Remove the disk."""
        self._place.close()
        shutil.rmtree(self._directory)

    def park(
        self, count: int, trouble: str = "", meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Park at most so many events."""
        self._act("_leave", lambda use: self._parking.relieve(use, count), trouble, meanwhile)

    def park_unheard(self, count: int) -> None:
        """Park at most so many events, of which Redis hears later, or never; start anew."""
        use, own = self.look(), self._parking
        script: Any = own._park_script

        def lost(**call: Any) -> None:
            self._late.append(partial(script, **call))
            raise Killed

        own._park_script = lost
        try:
            if use:
                own.relieve(use, count)
        except Killed:
            self._place.close()
            self._start()
        finally:
            own._park_script = script

    def is_heard(self) -> None:
        """Have Redis hear of what was sent longest ago."""
        if self._late:
            self._late.pop(0)()

    def give_back(self, trouble: str = "", meanwhile: Callable[[], None] = lambda: None) -> None:
        """Return what is parked."""
        self._act("_give", self._parking.give_back, trouble, meanwhile)

    def take_over(self, trouble: str = "", meanwhile: Callable[[], None] = lambda: None) -> None:
        """Give back what a worker that is gone has left pending."""
        self._act("_give", self._parking.take_over, trouble, meanwhile)

    def look(self) -> Use | None:
        """Update the files to what Redis says."""
        use = memory_use.read(self._client, [SINK]).get(SINK.name)
        return use and self._parking.update_files(use)

    def kept(self) -> set[str]:
        """Return the entries whose events are in any file, also in one that was set aside."""
        files = self._directory.rglob("*.segment*")
        return {entry for path in files for entry in _entries(path.read_bytes())}

    def _start(self) -> None:
        self._place = Place(self._directory)
        self._parking = SinkParking(self._client, SINK, self._place, sheds=False)

    def _act(
        self,
        step: str,
        do: Callable[[Use], Any],
        trouble: str,
        meanwhile: Callable[[], None],
    ) -> None:
        real = getattr(self._parking, step)

        def troubled(*arguments: Any, **more: Any) -> Any:
            if trouble == "killed before":
                raise Killed
            meanwhile()
            answer = real(*arguments, **more)
            if trouble == "killed after":
                raise Killed
            if trouble == "repeated":
                assert real(*arguments, **more) in (0, -1), "what was done already is done again"
            return answer

        use = self.look()
        setattr(self._parking, step, troubled)
        try:
            if use:
                do(use)
        except Killed:
            self._place.close()
            self._start()
        finally:
            self._parking.__dict__.pop(step, None)


def _entries(data: bytes) -> list[str]:
    blocks = segment.scan(lambda at, n: data[at : at + n], len(data))
    found = [one for one in blocks if isinstance(one, segment.Block)]
    return [entry for one in found for entry, _ in segment.events(data[one.at : one.at + one.size])]
