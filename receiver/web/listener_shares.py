"""The share of each listener in what one web process admits: in flight, waiting to be stored, and a
second.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from receiver.config.settings import Listener
from receiver.intake.waiting_requests import WAITING_ENTRIES
from receiver.web.admission import BODY_BYTES, Admission
from receiver.web.rejection import Refuse
from receiver.web.request import Request
from receiver.web.responses import Response

WAITS: Final = 1.0
"""Seconds after its last request for which a listener counts as waiting."""
_KEPT_FREE: Final = 4
"""One part in so many of a share stays free where no other listener waits, for the first that
comes."""
_SHARE: Final = "this listener has its share of what may be in flight"
_RATE: Final = "this listener has had its requests of this second"


class ListenerShares:
    """Holds the shares of the configured listeners. `most` requests may be in flight in all."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        admission: Admission,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._admission = admission
        self._clock = clock
        self._most = most
        self._rates: dict[str, _Rate] = {}
        self._bound: dict[str, ListenerAdmission] = {}
        self._requests_per_entry = most / WAITING_ENTRIES
        self.update(listeners)

    def update(self, listeners: Sequence[Listener]) -> None:
        """Take these listeners as those that share from now on. What is in flight, and what each
        has had of this second, still counts.
        """
        rates = {one.name: one.max_per_second for one in listeners if one.max_per_second}
        self._rates = {
            name: kept
            if (kept := self._rates.get(name)) and kept.per_second == rate
            else _Rate(rate, self._clock())
            for name, rate in rates.items()
        }
        self._bound = {
            one.name: self._bound.get(one.name) or ListenerAdmission(self._admission, self)
            for one in listeners
        }
        self._of_requests = _limits(self._most, len(listeners))
        self._of_bytes = _limits(BODY_BYTES, len(listeners))

    def of(self, request: Request) -> "Admission | ListenerAdmission":
        """Return where a request is counted: at the listener that its token is bound to."""
        bound = request.credential.listener if request.credential else None
        return self._bound.get(bound, self._admission) if bound else self._admission

    def refusal(self, request: Request) -> Refuse | None:
        """Return why an authentic request may not come in now; None if it may."""
        now = self._clock()
        bound = request.credential.listener if request.credential else None
        if bound and (own := self._bound.get(bound)):
            own.seen = now
            if self.exceeded(own, now, more=1):
                return _refuse(_SHARE, "listener share")
        rate = self._rates.get(bound or request.listener)
        if rate and not rate.take(now):
            return _refuse(_RATE, "listener rate")
        return None

    def count_entries(
        self, request: Request, entries: int, respond: Callable[[Response], None]
    ) -> Callable[[Response], None]:
        """Count a body of several entries as as many requests as take that much of the intake's
        queue, until the response. Returns what to respond with instead of `respond`. Raises
        `Refuse`, never for a body that is alone: it may be larger than any share.
        """
        own = self.of(request)
        if not isinstance(own, ListenerAdmission):
            return respond
        if self.exceeded(own):
            raise _refuse(_SHARE, "listener share")
        more = math.ceil(entries * self._requests_per_entry) - 1
        own.in_flight += more

        def leave(response: Response) -> None:
            own.in_flight -= more
            respond(response)

        return leave

    def exceeded(
        self, own: "ListenerAdmission", now: float | None = None, *, more: int = 0
    ) -> bool:
        """Return whether a listener would have more in flight than it may, with `more` requests."""
        share, alone = self._of_requests
        byte_share, bytes_alone = self._of_bytes
        count = own.in_flight + more
        if count <= share and own.body_bytes <= byte_share:
            return False
        if self._others_wait(own, self._clock() if now is None else now):
            return True
        return count > alone or own.body_bytes > bytes_alone

    def _others_wait(self, own: "ListenerAdmission", now: float) -> bool:
        return any(
            other is not own and (other.in_flight or now - other.seen < WAITS)
            for other in self._bound.values()
        )


class ListenerAdmission:
    """Counts what is in flight for tokens of one listener, and within the whole."""

    def __init__(self, whole: Admission, shares: ListenerShares) -> None:
        self._whole = whole
        self._shares = shares
        self.in_flight = 0
        self.body_bytes = 0
        self.seen = -WAITS
        """When the last request came, by the clock of the shares."""

    def enter(self, size: int = 0) -> bool:
        """Count one more request; False when there is no room for its body."""
        self.in_flight += 1
        self.body_bytes += size
        return self._whole.enter(size) and not self._shares.exceeded(self)

    def leave(self, size: int) -> None:
        """Give back the room of a request that has its response."""
        self.in_flight -= 1
        self.body_bytes -= size
        self._whole.leave(size)

    def add_bytes(self, size: int) -> bool:
        """Count so many more bytes of a body; False when there is no room for them."""
        self.body_bytes += size
        return self._whole.add_bytes(size) and not self._shares.exceeded(self)


class _Rate:
    """Holds how many requests a listener may still make; a second's worth at most."""

    def __init__(self, per_second: int, now: float) -> None:
        self.per_second = per_second
        self._left = float(per_second)
        self._at = now

    def take(self, now: float) -> bool:
        """Take one; False when there is none."""
        earned = (now - self._at) * self.per_second
        self._left, self._at = min(self.per_second, self._left + earned), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _limits(most: int, listeners: int) -> tuple[int, int]:
    """Return what a listener may have while others wait, and while none does."""
    share = max(1, most // max(1, listeners))
    if listeners <= 1:
        return share, most
    return share, max(share, most - max(1, share // _KEPT_FREE))


def _refuse(message: str, counted: str) -> Refuse:
    refused = Refuse(429, message)
    refused.counted = counted
    return refused
