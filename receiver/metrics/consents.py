"""The metric family of subscribers' consents."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import Metric

from receiver.metrics.families import Labelled, labelled
from receiver.polling.mailbox.consent_record import Consent


def family(polls: Iterable[str], consents: Mapping[str, Consent], now: float) -> Metric:
    """Return how long the consents of these polls are good; `now` is Redis' clock (s)."""
    left: Labelled = {
        (name,): consents[name].days_left(now) if name in consents else 0.0 for name in polls
    }
    said = (
        "Until a subscriber's consent ends unless it is renewed; 0: there is none, or it is over."
    )
    return labelled("receiver_consent_days_left", said, ["poll"], left)
