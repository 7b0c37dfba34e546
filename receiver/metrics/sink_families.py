"""The metrics of the sinks: what was delivered, what waits, and how each stands."""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import Metric

from receiver.config.settings import Settings
from receiver.contract.stored_values import whole
from receiver.metrics.families import Labelled, counter, labelled
from receiver.metrics.sink_snapshot import Sink
from receiver.metrics.snapshot import Snapshot

_COUNTS: Final = {
    "filtered": "Events that the sink's filters left out.",
    "dead": "Deliveries given up or refused for good: dead letters.",
    "shed": "Events let go because the sink had more than its share of memory, or was retired.",
    "parked_damaged": "Parked events that did not come back: unreadable, or given up.",
    "erased": "Events not delivered because all about a person was erased.",
}
_SINKS: Final[dict[str, tuple[str, Callable[[Sink, float], float]]]] = {
    "receiver_sink_backlog": (
        "Events on the stream that the sink has not taken; -1: the server cannot tell.",
        lambda sink, _: sink.waiting.entries,
    ),
    "receiver_sink_backlog_oldest_seconds": (
        "Age of the oldest of them.",
        lambda sink, _: sink.waiting.oldest,
    ),
    "receiver_sink_retries": (
        "Deliveries that failed and will be tried again.",
        lambda sink, _: sink.retries,
    ),
    "receiver_sink_parked": (
        "Events on a worker's disk, which come back as the sink takes them.",
        lambda sink, _: sink.parked,
    ),
    "receiver_sink_parked_bytes": (
        "What they take there.",
        lambda sink, _: whole(sink.parking.get("bytes")),
    ),
    "receiver_sink_parking_trouble": (
        "1 while events cannot be parked or come back: the disk, or nobody looks after it.",
        lambda sink, now: int(bool(sink.parking_trouble) or sink.unseen(now)),
    ),
    "receiver_sink_circuit_open": (
        "1 while nothing is sent because the last requests failed.",
        lambda sink, _: int(sink.failing),
    ),
    "receiver_sink_refusing": (
        "1 while nothing is sent because the last requests were refused, all of them.",
        lambda sink, _: int(sink.failing and "refused" in sink.state),
    ),
    "receiver_sink_stopped": (
        "1 while nothing is sent until somebody starts it: its consumer said 410, or it is paused.",
        lambda sink, _: int("stopped" in sink.state),
    ),
    "receiver_sink_down_seconds": (
        "How long requests have been failing; 0 while they do not.",
        lambda sink, now: _since(sink.state.get("down_since", ""), now),
    ),
}


def families(found: Snapshot, settings: Settings) -> Iterator[Metric]:
    """Yield the families of a snapshot's sinks."""
    here = {sink.name for sink in settings.sinks}

    def counted(name: str) -> Labelled:
        return {(sink,): one.counts.get(name, 0) for sink, one in found.sinks.items()}

    attempts = {(*key, "delivered"): count for key, count in counted("delivered").items()}
    attempts |= {(*key, "failed"): count for key, count in counted("failed_attempts").items()}
    said = "Deliveries tried, by how they ended."
    yield counter("receiver_sink_attempts", said, ["sink", "result"], attempts)
    for name, said in _COUNTS.items():
        yield counter(f"receiver_sink_{name}", said, ["sink"], counted(name))
    # Of one that is not configured any more only the counts go on: nobody is to be woken for it.
    known = {sink: one for sink, one in found.sinks.items() if one.known(found.now) or sink in here}
    for name, (meaning, value) in _SINKS.items():
        values: Labelled = {(sink,): value(one, found.now) for sink, one in known.items()}
        yield labelled(name, meaning, ["sink"], values)


def _since(milliseconds: str, now: float) -> float:
    return max(0.0, now - whole(milliseconds) / 1000) if milliseconds else 0.0
