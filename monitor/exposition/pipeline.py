"""The pipeline's own metrics, by source partition, and the worker's.

Rule: counts come from accepted partials, so each partition is on one worker and its
counters never go down; what this worker measures itself (lags, ages) covers the
partitions that it owns.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.metrics_core import Metric as Family

from monitor.core.people.parts import StaffCounts
from monitor.core.sources import MAX_SOURCES, OTHER_SOURCE
from monitor.core.view import Board, PartitionCounts, PipelineView
from monitor.exposition import worker_metrics as names
from monitor.exposition.family import by_label, counter, gauge, label
from monitor.exposition.metric import LABEL_VALUES, STANDARD_REASONS, Metric

STAFF = "staff"
Counts = PartitionCounts | StaffCounts
"""What became of the records of one partition, of contacts or of people."""


def _folded(counts: Counts) -> int:
    """What came of queues, or of people, beyond the limit."""
    if isinstance(counts, StaffCounts):
        return counts.folded + counts.unengaged
    return counts.queues_folded


COUNTED: Mapping[Metric, Callable[[Counts], int]] = {
    names.EVENTS: lambda counts: counts.read,
    names.EVENTS_APPLIED: lambda counts: counts.applied,
    names.EVENTS_DUPLICATE: lambda counts: counts.duplicate,
    names.EVENTS_LATE: lambda counts: counts.late,
    names.EVENTS_IGNORED: lambda counts: counts.ignored,
    names.EVENTS_FUTURE: lambda counts: counts.future,
    names.EVENTS_FOLDED: _folded,
}
MEASURED: Mapping[Metric, tuple[Callable[[PipelineView], Mapping[int, int]], float]] = {
    names.EVENT_LAG: (lambda view: view.lag_ms, 1000),
    names.LAG_RECORDS: (lambda view: view.lag_records, 1),
    names.CHECKPOINT_AGE: (lambda view: view.checkpoint_age_ms, 1000),
}
"""What is measured by source partition, and by what its number is divided."""


def pipeline_families(
    board: Board, *, version: str, duration: float
) -> Iterator[Family]:
    """Every family of the pipeline and of the worker itself.

    `duration` is the work of the scrape before, seconds.
    """
    view = board.pipeline()
    now = board.now()
    streams = _streams(view)
    for metric, count in COUNTED.items():
        family = counter(metric)
        for labels, counts in streams:
            family.add_metric(labels, count(counts))
        yield family
    yield _dead_letters(streams)
    for metric, (read, divisor) in MEASURED.items():
        measured = gauge(metric)
        for partition, number in sorted(read(view).items()):
            measured.add_metric((view.stream, str(partition)), number / divisor)
        if metric is names.CHECKPOINT_AGE:
            for partition, age in sorted(view.staff_checkpoint_age_ms.items()):
                measured.add_metric((STAFF, str(partition)), age / divisor)
        yield measured
    yield _last_events(view)
    yield _one(names.STALE_PARTITIONS, view.stale_partitions)
    yield _one(names.READY, int(view.ready))
    yield _one(names.CLOCK, now / 1000)
    yield _one(names.AS_OF, (view.as_of or now) / 1000)
    checks = counter(names.SELF_CHECKS)
    for result in LABEL_VALUES["result"]:
        checks.add_metric((result,), view.self_checks.get(result, 0))
    yield checks
    yield _one(names.LOOP_DELAY, view.loop_delay)
    blocked = counter(names.LOOP_BLOCKED)
    blocked.add_metric((), view.loop_blocked)
    yield blocked
    yield _one(names.EXPOSITION_DURATION, duration)
    yield by_label(gauge(names.BUILD_INFO), iter(((version, 1.0),)))


def _streams(view: PipelineView) -> list[tuple[tuple[str, str], Counts]]:
    """Stream and partition with their counts, contacts before people."""
    contacts = [((view.stream, str(n)), c) for n, c in sorted(view.counts.items())]
    people = [((STAFF, str(n)), c) for n, c in sorted(view.staff.items())]
    return [*contacts, *people]


def _dead_letters(streams: Iterable[tuple[tuple[str, str], Counts]]) -> Family:
    family = counter(names.DEAD_LETTERS)
    standard = dict.fromkeys(STANDARD_REASONS[names.DEAD_LETTERS.name], 0)
    for labels, counts in streams:
        for reason, count in sorted({**standard, **counts.dead_letters}.items()):
            family.add_metric((*labels, label(reason)), count)
    return family


def _last_events(view: PipelineView) -> Family:
    newest: dict[str, int] = {}
    known_to: Counter[str] = Counter()
    for last_event_at in view.last_event_at.values():
        known_to.update(last_event_at)
        for source, at in last_event_at.items():
            newest[source] = max(at, newest.get(source, at))
    # Each partition knows a limited number, but may know others than the next one. A
    # real source has contacts in all of them.
    beyond = sorted(newest, key=lambda source: (-known_to[source], source))
    for source in beyond[MAX_SOURCES:]:
        at = newest.pop(source)
        newest[OTHER_SOURCE] = max(at, newest.get(OTHER_SOURCE, at))
    return by_label(
        gauge(names.LAST_EVENT),
        ((source, at / 1000) for source, at in sorted(newest.items())),
    )


def _one(metric: Metric, value: float) -> Family:
    family = gauge(metric)
    family.add_metric((), value)
    return family
