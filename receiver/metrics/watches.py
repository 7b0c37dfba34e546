"""The metrics of watched messages, whose delivery statuses are asked for."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from receiver.metrics.families import Labelled, counter, gauge
from receiver.operations.watch_ledger import WatchLedger

_ENDS = ("final", "gone", "expired", "dropped")


def families(ledgers: list[WatchLedger], late: float) -> Iterator[Metric]:
    """Yield the families; none where no message was ever watched. `late` is in seconds."""
    if not ledgers and not late:
        return
    said = "Messages whose delivery status is being asked for."
    yield gauge("receiver_watch_open", said, sum(one.open for one in ledgers))
    said = "By how long the most overdue of them is late."
    yield gauge("receiver_watch_late_seconds", said, late)
    ended: Labelled = {(how,): sum(getattr(one, how) for one in ledgers) for how in _ENDS}
    said = "Messages that are not asked for any more: final, gone at the gateway, expired, dropped."
    yield counter("receiver_watch_ended", said, ["how"], ended)
