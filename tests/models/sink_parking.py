"""What a parker does in a history: parks, gives back, takes over; killed, or heard twice."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.models.sink_worker import SINK
from tests.models.world import World
from workers.parking import memory_use
from workers.parking.place import Place
from workers.parking.sink_parking import SinkParking

TROUBLE: Final = ("", "", "killed before", "killed after", "repeated")
"""Of the script that it runs."""


class Killed(Exception):
    """The process that parks is killed here."""


class ParkingRules(RuleBasedStateMachine):
    """One parker with one directory."""

    world: World
    client: Any

    def open_place(self) -> None:
        """Begin with an empty directory."""
        self.directory = Path(tempfile.mkdtemp(prefix="models-"))
        self._start()

    def close_place(self) -> None:
        """Remove the directory."""
        self.place.close()
        shutil.rmtree(self.directory)

    def _start(self) -> None:
        self.place = Place(self.directory)
        self.parking = SinkParking(self.client, SINK, self.place, sheds=False)

    @rule(count=st.integers(1, 4), trouble=st.sampled_from(TROUBLE))
    def park(self, count: int, trouble: str) -> None:
        self._with_files("_leave", trouble, lambda use: self.parking.relieve(use, count))

    @rule(trouble=st.sampled_from(TROUBLE))
    def give_back(self, trouble: str) -> None:
        self._with_files("_give", trouble, self.parking.give_back)

    @rule(trouble=st.sampled_from(TROUBLE))
    def take_over(self, trouble: str) -> None:
        self._with_files("_give", trouble, self.parking.take_over)

    def _with_files(self, step: str, trouble: str, do: Any) -> None:
        """Do what a parker does, with trouble at the script it runs."""
        use = memory_use.read(self.client, [SINK]).get(SINK.name)
        if not use:
            return
        real = getattr(self.parking, step)

        def troubled(*arguments: Any, **more: Any) -> Any:
            answer = None if trouble == "killed before" else real(*arguments, **more)
            if trouble == "repeated":
                assert real(*arguments, **more) in (0, -1), "what was done already is done again"
                return answer
            raise Killed

        self.parking.update_files(use)
        try:
            if trouble:
                setattr(self.parking, step, troubled)
            do(use)
        except Killed:
            self.place.close()
            self._start()
        finally:
            self.parking.__dict__.pop(step, None)
