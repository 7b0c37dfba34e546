"""What two hosts that park do in a history: each is killed, heard twice, or overtaken."""

from collections.abc import Callable
from functools import partial
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from receiver.contract.redis_keys import sink_parking
from receiver.operations import parked_events
from tests.models.sink_deliveries import DeliveryRules
from tests.models.sink_parker import Parker
from tests.models.sink_worker import SINK

TROUBLES: Final = ("killed before", "killed after", "repeated")
"""Of the script that a host runs."""
MEANWHILE: Final = ("other host", "worker", "forgotten", "skipped")
"""What happens between what a host has read and its script."""
_by, _count = st.integers(0, 1), st.integers(1, 4)
_trouble = st.sampled_from(["", "", *TROUBLES, *MEANWHILE])

Act = Callable[[Parker, str, Callable[[], None]], None]


class ParkingRules(DeliveryRules):
    """See the module."""

    @rule(by=_by, count=_count, trouble=_trouble)
    def park(self, by: int, count: int, trouble: str) -> None:
        self._act(by, lambda parker, *more: parker.park(count, *more), trouble)

    @rule(by=_by, count=_count, then=st.booleans())
    def park_late(self, by: int, count: int, then: bool) -> None:
        """Redis hears of it once the host has looked again, and perhaps parked something else."""
        self.publish([True, True])
        self.parkers[by].park_unheard(count)
        if then:
            self.park(by, count, "")
        else:
            self.parkers[by].look()
        self.parkers[by].is_heard()

    @rule(by=_by, count=_count)
    def park_unheard(self, by: int, count: int) -> None:
        self.parkers[by].park_unheard(count)

    @rule(by=_by)
    def hear_late(self, by: int) -> None:
        self.parkers[by].is_heard()

    @rule(by=_by, trouble=_trouble)
    def give_back(self, by: int, trouble: str) -> None:
        self._act(by, Parker.give_back, trouble)

    @rule(by=_by, trouble=_trouble)
    def take_over(self, by: int, trouble: str) -> None:
        self._act(by, Parker.take_over, trouble)

    @rule(by=_by, again=st.booleans(), trouble=_trouble, then=_trouble)
    def park_and_give_back(self, by: int, again: bool, trouble: str, then: str) -> None:
        """Events are parked and come back, perhaps one that is asked for again while it is parked;
        then more of them are parked.
        """
        self.publish([True, True])
        self.park(by, 4, "")
        if again:
            self.replay(len(self.events) - 1)
        self.give_back(by, trouble)
        self.publish([True])
        self.park(by, 4, then)

    @rule(by=_by, again=st.booleans(), trouble=_trouble)
    def lease_and_take_over(self, by: int, again: bool, trouble: str) -> None:
        """A worker is gone with an event, which perhaps is asked for again."""
        self.publish([True])
        self.lease(0, 4)
        if again:
            self.replay(len(self.events) - 1)
        self.time_passes(3700)
        self.take_over(by, trouble)

    @rule(skipped=st.booleans())
    def give_up_parked(self, skipped: bool) -> None:
        """An operator gives up what is parked, or Redis does not know of it any more."""
        self._skip() if skipped else self._forget()
        self._all_look()

    def _act(self, by: int, act: Act, trouble: str) -> None:
        meanwhile: dict[str, Callable[[], None]] = {
            "other host": partial(act, self.parkers[1 - by], "", lambda: None),
            "worker": self._settle_all,
            "forgotten": self._forget,
            "skipped": self._skip,
        }
        act(self.parkers[by], trouble, meanwhile.get(trouble, lambda: None))
        if trouble in ("forgotten", "skipped"):
            self._all_look()

    def _forget(self) -> None:
        total, returned = self.client.hmget(sink_parking(SINK.name), "total", "returned")
        self.forgotten += int(total or 0) - int(returned or 0)
        self.client.delete(sink_parking(SINK.name))

    def _skip(self) -> None:
        self.skipped += parked_events.skip(self.client, SINK.name)

    def _all_look(self) -> None:
        for parker in self.parkers:
            parker.look()

    def _settle_all(self) -> None:
        for by in range(2):
            self.lease(by, 4)
            self.settle(by, ["run"] * 4, heard=True)
