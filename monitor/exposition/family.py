"""Metrics as families of prometheus_client, to be filled with samples.

Rule: label values are made fit for the text format here, once: prometheus_client
escapes backslashes, quotes and line ends; other control characters would break readers
(Prometheus takes NUL for the end) and lone surrogates can't be written at all.
"""

import itertools
import re
from collections.abc import Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family

from monitor.exposition.metric import LABEL_VALUES, Metric, MetricKind

_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def label(value: str) -> str:
    """`value` with control characters and surrogates spelt out as Python does."""
    if value.isprintable():
        return value
    return _UNFIT.sub(lambda m: m.group().encode("unicode_escape").decode(), value)


def gauge(metric: Metric) -> GaugeMetricFamily:
    """An empty family of a gauge."""
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


def counter(metric: Metric) -> CounterMetricFamily:
    """An empty family of a counter; no `_created` series, the state says since when."""
    return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)


def histogram(metric: Metric) -> HistogramMetricFamily:
    """An empty family of a histogram."""
    return HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)


class Quantiles(Family):
    """A summary of quantiles alone, which prometheus_client has no family for."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric.name, metric.help, MetricKind.SUMMARY)
        self._labels = metric.labels

    def add_metric(self, labels: tuple[str, ...], value: float) -> None:
        """Add one quantile."""
        names = zip(self._labels, labels, strict=True)
        self.add_sample(self.name, dict(names), value)


def gauge_like(metric: Metric) -> GaugeMetricFamily | Quantiles:
    """An empty family of a gauge or of quantiles over a window."""
    return Quantiles(metric) if metric.kind is MetricKind.SUMMARY else gauge(metric)


def children(metric: Metric, after: int) -> list[tuple[str, ...]]:
    """Every combination of known label values of `metric` past its first `after`."""
    known = (LABEL_VALUES[name] for name in metric.labels[after:])
    return list(itertools.product(*known))


def by_label(
    family: GaugeMetricFamily, samples: Iterator[tuple[str, float]]
) -> GaugeMetricFamily:
    """`family` of one label, filled."""
    for value, number in samples:
        family.add_metric([label(value)], number)
    return family
