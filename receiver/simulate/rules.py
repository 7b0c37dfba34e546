"""How AT&T and CAMARA operators react to a response; without I/O."""

from typing import Final

from msgspec import Struct

from receiver.simulate.plan import Planned
from receiver.simulate.scenario import Att, Camara, Scenario

_ENDING_STATUSES: Final = frozenset({401, 410})
"""401: the subscription expires (CAMARA event guide 2.2.3); 410: gone (CloudEvents web hooks)."""
_RETRIED: Final = frozenset({408, 425, 429})


class Answer(Struct, frozen=True):
    """The outcome of one attempt."""

    status: int
    """0 when there was none."""
    outcome: str
    """The status as text, or the failure: `timeout`, `broken`, `unreachable`, `hung up`."""
    retry_after: float | None = None

    @property
    def acknowledged(self) -> bool:
        """Return whether the response is any 2xx (SMS v3; CAMARA has 204, in one API 2XX)."""
        return 200 <= self.status < 300


def pause(planned: Planned, nth: int, answer: Answer, scenario: Scenario) -> float | None:
    """Return the seconds until the attempt after the `nth` one (from 1), or None for no more."""
    if answer.acknowledged or planned.hostile:
        return None
    if planned.of_att:
        return _att(scenario.att, nth)
    return _camara(scenario.camara, nth, answer)


def ends_subscription(planned: Planned, answer: Answer) -> bool:
    """Return whether nothing more is sent for this subscription."""
    return bool(planned.subscription) and not planned.hostile and answer.status in _ENDING_STATUSES


def _att(rule: Att, nth: int) -> float | None:
    """Return the pause after any response but 2xx; the pauses double and fill `retry_for`."""
    if nth >= rule.attempts:
        return None
    return rule.retry_for * 2.0 ** (nth - 1) / (2.0 ** (rule.attempts - 1) - 1)


def _camara(rule: Camara, nth: int, answer: Answer) -> float | None:
    """Return the pause after no response or a temporary error; a refusal is final."""
    refused = 300 <= answer.status < 500 and answer.status not in _RETRIED
    if nth >= rule.attempts or refused:
        return None
    # CloudEvents web hooks 2.2: "the sender MUST observe the value of the Retry-After header".
    return max(rule.pause * 2.0 ** (nth - 1), answer.retry_after or 0.0)
