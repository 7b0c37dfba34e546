"""The headings of `RESULTS.md`: what each part is about, and its tables."""

from collections.abc import Callable
from typing import Any

from benchmarks import (
    ack,
    capacity,
    delivery,
    drain,
    forward,
    hour,
    kinds,
    latency,
    overload,
    proxied,
    startup,
    traced,
)
from benchmarks.rounds import table


def _lone_section(part: Any) -> str:
    busy, alone = part["with worker"], part["store alone"]
    return latency.report_lone(part["rounds"]) + (
        f"\n\nWith the workers normalising each at once: p50 {busy['p50']:.2f} ms, "
        f"p99 {busy['p99']:.2f} ms. Of all of them Valkey and its fsync take p50 "
        f"{alone['p50']:.2f} ms, p99 {alone['p99']:.2f} ms: the intake's script, sent as seldom "
        "from a bare socket that does nothing else."
    )


def _sizing(part: Any) -> str:
    """Return what identities take once a rate has gone on for long: four buckets, each a third of
    the time to remember.
    """
    rows = [
        [
            f"{run['rate']:,}",
            f"{4 * run['bucket']:,}",
            f"{run['bytes']:.1f}",
            _megabytes(4 * run["bucket"] * run["bytes"]),
            f"{run['first_bytes']:.1f}",
            _megabytes(run["bucket"] * (3 * run["bytes"] + run["first_bytes"])),
        ]
        for run in part["rates"]
    ]
    worker = part["worker"]
    head = ["per second", "identities", "bytes each", "Valkey's memory"]
    return table([*head, "on the first day", "with that day"], rows) + (
        f"\n\n{worker['count']:,.0f} that the worker claimed on an empty Valkey, for comparison: "
        f"{worker['bytes']:.1f} bytes each, in {worker['sets']:,.0f} sets."
    )


def _megabytes(count: float) -> str:
    return f"{count / 1e6:,.0f} MB"


def _sustained_section(part: Any) -> str:
    rows = [
        [
            f"{run['offered']:,.0f}",
            f"{run['rate']:,.0f}",
            f"{run['non_2xx'] + run['broken'] + run['unanswered']:.0f}",
            f"{run['p50']:.2f}",
            f"{run['p99']:.2f}",
            f"{run['oldest_p50']:.3f}",
            f"{run['oldest_max']:.3f}",
            f"{run['late_p99']:.1f}",
            f"{run['rewrites']:.0f}",
            f"{run.get('foreign', 0):.0%}",
        ]
        for run in part
    ]
    head = ["offered/s", "answered/s", "bad", "p50 ms", "p99 ms", "oldest open p50 s", "max s"]
    return table([*head, "sent late, p99 ms", "log rewritten", "other work"], rows)


SECTIONS: list[tuple[str, str, str, Callable[[Any], str]]] = [
    (
        "ack",
        "Acknowledged per second",
        "Closed loop, 64 connections, one web process, a body of 600 bytes, every one distinct. "
        "(a) and (d) check nothing; all others authenticate and parse. `not kept`: acknowledged "
        "and not found in Valkey afterwards.",
        ack.report,
    ),
    (
        "half",
        "Latency at half load",
        "Open loop at half of what (e) acknowledged in a closed loop just before; latency counts "
        "from the moment a request was due.",
        latency.report_half,
    ),
    ("lone", "A lone notification", "One every 50 ms on one connection.", _lone_section),
    (
        "offered",
        "Latency against offered rate",
        "Open loop, 64 connections.",
        latency.report_offered,
    ),
    (
        "drain",
        "Emptying a backlog",
        "One worker. Ours normalises, deduplicates and publishes mixed kinds; the peers' jobs do "
        "nothing. (b) is `rq worker` as it comes, with fewer jobs; (c) has 50 at a time.",
        drain.report,
    ),
    (
        "sustained",
        "Door and worker together",
        "On this machine's cores, beside Valkey and the load generator: 60 s at the first rate, "
        "20 s at the second. `sent late`: how much of a latency passed before the request went "
        "out; `log rewritten`: how often Valkey did, in a process that takes a core for seconds.",
        _sustained_section,
    ),
    (
        "forward",
        "Delivering to a web hook",
        "One forward worker and a backlog of 20,000 events (100,000 for the batches), one web hook "
        "on the same machine that reads and forgets. Ours signs each request; (c) is a BullMQ "
        "worker that posts with undici, 50 at a time, and signs nothing.",
        forward.report,
    ),
    (
        "kinds",
        "Acknowledged, each kind",
        "As above; (c) has a route and a check for each kind, (a) reads what comes.",
        kinds.report_acknowledged,
    ),
    (
        "drained",
        "Emptying a backlog of each kind",
        "One worker process, then two; (c) does nothing with its jobs.",
        kinds.report_drained,
    ),
    (
        "delivery",
        "From receipt to a web hook",
        "Web process, worker, forward worker and hook on this machine's cores, open loop.",
        delivery.report,
    ),
    (
        "hour",
        "An hour",
        "By `make hour`, not part of `make bench`: everything on this machine; a stream, a queue "
        "and a web hook as sinks; a reload and a rotation of a credential in the middle.",
        hour.report,
    ),
    ("traces", "Traces", "Spans go to a collector beside them that forgets them.", traced.report),
    (
        "proxied",
        "Behind nginx",
        "TLS, 64 kept-alive connections, one process of nginx on the same processors; what each of "
        "them takes of a processor for one request, and the rate at which all would be taken.",
        proxied.report,
    ),
    (
        "cpu",
        "Processor time and capacity",
        "What one notification takes of each process by itself, its kernel time included. Then "
        f"what all take together on two processors with {capacity.CONNECTIONS} requests at a time, "
        "from the first request until the last notification is published, and what that predicts "
        "for the same processes, the load generator too, held to one processor and to one each: "
        "they use it up. The last table leaves the load generator out: a rate ends where Valkey "
        "has used up that share of one processor, or everything of all there are.",
        capacity.report,
    ),
    (
        "overload",
        "More than can be taken",
        "Open loop, latency from the moment a request was due. No generator here offers three "
        "times what the whole takes, so one half is slowed: it is stopped and continued and has "
        f"one part in {overload.SHARE} of a processor. `store`: Valkey, as a disk does it that "
        "cannot keep up; the door has time to say no. `door`: the web process itself; as by "
        "default it lets in whoever has a connection, and who has none waits outside. Of "
        f"{overload.GENERATORS} generators' percentiles the worst.",
        overload.report,
    ),
    (
        "identities",
        "Memory for remembered identities",
        "For 73 hours at a steady rate. They go in portions of a third of that, so there are up to "
        "four thirds. `on the first day`: the first portion is split without knowing the rate.",
        _sizing,
    ),
    (
        "startup",
        "Starting",
        "From starting the web process, beside a Valkey that is there, to its first 2xx.",
        startup.report,
    ),
]
