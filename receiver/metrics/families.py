"""Prometheus metric families, built from plain values."""

import math
from collections.abc import Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from receiver.metrics.counters import BOUNDS

Labelled = dict[tuple[str, ...], float]
"""Values of labels -> value."""


def gauge(name: str, meaning: str, value: float) -> Metric:
    """Return a gauge with one value."""
    return GaugeMetricFamily(name, meaning, value=value)


def labelled(name: str, meaning: str, labels: list[str], values: Labelled) -> Metric:
    """Return a gauge with one value per set of labels."""
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for words, value in sorted(values.items()):
        family.add_metric(words, value)
    return family


def counter(name: str, meaning: str, labels: list[str], values: Labelled) -> Metric:
    """Return a counter with one value per set of labels."""
    family = CounterMetricFamily(name, meaning, labels=labels)
    for words, value in sorted(values.items()):
        family.add_metric(words, value)
    return family


def histogram(
    name: str,
    meaning: str,
    meter: Mapping[str, int],
    what: str,
    labels: tuple[str, ...] | list[str] = (),
) -> Metric:
    """Return a histogram summed over all processes, by one label or none.

    Buckets of an older version, with other bounds, still count where they belong. A field that is
    none of ours is left out.
    """
    counts: dict[str, dict[float, int]] = {} if labels else {"": {}}
    sums: dict[str, float] = {}
    for field, count in meter.items():
        kind, _, rest = field.partition("|")
        label, _, bound = rest.rpartition("|")
        if kind != what or (label and not labels):
            continue
        if bound == "sum":
            sums[label] = count / 1_000_000
        elif (upper := _upper(bound)) is not None:
            counts.setdefault(label, {})[upper] = count
    family = HistogramMetricFamily(name, meaning, labels=labels)
    for label, own in sorted(counts.items()):
        buckets, total = [], 0
        for upper in sorted({*own, *BOUNDS[what], math.inf}):
            total += own.get(upper, 0)
            buckets.append(("+Inf" if upper == math.inf else str(upper), float(total)))
        family.add_metric([label] if labels else [], buckets, sums.get(label, 0.0))
    return family


def _upper(bound: str) -> float | None:
    try:
        found = float(bound)
    except ValueError:
        return None
    return None if math.isnan(found) else found
