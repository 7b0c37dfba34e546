"""The metric families of what is polled: rounds, pages, consents to it, watched messages."""

import math
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import Metric

from receiver.metrics.families import Labelled, counter, gauge, labelled
from receiver.operations.watch_ledger import WatchLedger
from receiver.polling.mailbox.consent_record import Consent
from receiver.polling.overview import PageFiles, PollState
from receiver.polling.rounds import OUTCOMES

_ENDS = ("final", "gone", "expired", "dropped")


def families(polls: list[PollState], now: float) -> Iterator[Metric]:
    """Yield what Redis knows of the polls that are configured; `now` is its clock (s)."""
    if not polls:
        return
    success: Labelled = {
        (one.name,): max(0.0, now - one.succeeded) if one.succeeded else math.inf for one in polls
    }
    said = "Since the last round of a poll that succeeded; +Inf: there was none yet."
    yield labelled("receiver_poll_last_success_seconds", said, ["poll"], success)
    requests: Labelled = {
        (one.name, outcome): one.polls.get(outcome, 0) for one in polls for outcome in OUTCOMES
    }
    said = "Requests of a poll, by how they ended."
    yield counter("receiver_polls", said, ["poll", "outcome"], requests)
    said = "Messages, statuses or changes that a poll brought."
    messages: Labelled = {(one.name,): one.messages for one in polls}
    yield counter("receiver_poll_messages", said, ["poll"], messages)
    said = "How many more the gateway said it has, at the last answer."
    pending: Labelled = {(one.name,): one.pending for one in polls}
    yield labelled("receiver_poll_pending", said, ["poll"], pending)


def pages(polls: list[PollState], files: Mapping[str, PageFiles]) -> Metric:
    """Return how many answers wait on a disk: as a poll's process says, or here."""
    waiting: Labelled = {(name,): found.count for name, found in files.items()}
    for one in polls:
        waiting[one.name,] = max(one.pages, waiting.get((one.name,), 0))
    said = (
        "Answers of a gateway on a disk, that of this machine or of the poll's, and not in Redis."
    )
    return labelled("receiver_poll_pages_waiting", said, ["poll"], waiting)


def consents(polls: Iterable[str], given: Mapping[str, Consent], now: float) -> Metric:
    """Return how long the consents of these polls are good; `now` is Redis' clock (s)."""
    left: Labelled = {
        (name,): given[name].days_left(now) if name in given else 0.0 for name in polls
    }
    said = (
        "Until a subscriber's consent ends unless it is renewed; 0: there is none, or it is over."
    )
    return labelled("receiver_consent_days_left", said, ["poll"], left)


def watches(ledgers: list[WatchLedger], late: float) -> Iterator[Metric]:
    """Yield those of watched messages; none where none ever was. `late` is in seconds."""
    if not ledgers and not late:
        return
    said = "Messages whose delivery status is being asked for."
    yield gauge("receiver_watch_open", said, sum(one.open for one in ledgers))
    said = "By how long the most overdue of them is late."
    yield gauge("receiver_watch_late_seconds", said, late)
    ended: Labelled = {(how,): sum(getattr(one, how) for one in ledgers) for how in _ENDS}
    said = "Messages that are not asked for any more: final, gone at the gateway, expired, dropped."
    yield counter("receiver_watch_ended", said, ["how"], ended)
