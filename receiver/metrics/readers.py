"""The metrics of the company's own consumer groups that `receiver.toml` names."""

from collections.abc import Sequence

from prometheus_client.core import Metric

from receiver.config.settings import Reader
from receiver.metrics.families import Labelled, labelled
from receiver.metrics.snapshot import Snapshot


def family(readers: Sequence[Reader], found: Snapshot) -> Metric:
    """Return how far behind each named group is; none for a group that does not exist."""
    ages: Labelled = {
        (one.name,): found.groups[one.name].oldest for one in readers if one.name in found.groups
    }
    said = "Age of the oldest event that a [[reader]] of receiver.toml has not acknowledged."
    return labelled("receiver_reader_backlog_oldest_seconds", said, ["group"], ages)
