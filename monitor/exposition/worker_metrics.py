"""The metrics of the pipeline and of the worker as data.

Rule: what a metric of the product's own health means stands here and nowhere else.
"""

from monitor.exposition.metric import Metric, MetricKind

_SOURCE = ("stream", "partition")
METRICS: dict[str, Metric] = {}
"""The worker's metrics by name, in the order in which they are exposed."""


def _declare(kind: MetricKind, name: str, text: str, labels: tuple[str, ...]) -> Metric:
    metric = METRICS[name] = Metric(name, kind, text, labels)
    return metric


def _source_count(name: str, text: str, *labels: str) -> Metric:
    return _declare(MetricKind.COUNTER, name, text, (*_SOURCE, *labels))


def _source_now(name: str, text: str) -> Metric:
    return _declare(MetricKind.GAUGE, name, text, _SOURCE)


def _worker_now(name: str, text: str, *labels: str) -> Metric:
    return _declare(MetricKind.GAUGE, name, text, labels)


def _worker_count(name: str, text: str, *labels: str) -> Metric:
    return _declare(MetricKind.COUNTER, name, text, labels)


# The pipeline, by source partition.
EVENTS = _source_count(
    "callcenter_events_total",
    "Records read: applied, duplicate, late, ignored and dead letters.",
)
EVENTS_APPLIED = _source_count(
    "callcenter_events_applied_total",
    "Events that were folded into the numbers.",
)
EVENTS_DUPLICATE = _source_count(
    "callcenter_events_duplicate_total",
    "Events that had come before; they change nothing.",
)
EVENTS_LATE = _source_count(
    "callcenter_events_late_total",
    "Events beyond the lateness horizon; dropped.",
)
EVENTS_IGNORED = _source_count(
    "callcenter_events_ignored_total",
    "Events of unknown types; ignored.",
)
EVENTS_FUTURE = _source_count(
    "callcenter_events_future_total",
    "Applied events that were too far ahead of now and were set to now: clock skew.",
)
EVENTS_FOLDED = _source_count(
    "callcenter_events_folded_total",
    "Applied events of queues beyond the limit, counted under one queue name; of "
    "people beyond it, dropped.",
)
DEAD_LETTERS = _source_count(
    "callcenter_dead_letters_total",
    "Records that couldn't be read and went to the dead-letter topic.",
    "reason",
)
EVENT_LAG = _source_now(
    "callcenter_event_lag_seconds",
    "Now less the instant of the newest applied event, in seconds; it grows while "
    "nothing happens, too.",
)
LAG_RECORDS = _source_now(
    "callcenter_consumer_lag_records",
    "Records in the log that aren't applied yet.",
)
CHECKPOINT_AGE = _source_now(
    "callcenter_checkpoint_age_seconds",
    "Seconds since the last checkpoint that covered everything applied; 0 when "
    "nothing is uncommitted.",
)
LAST_EVENT = _worker_now(
    "callcenter_last_event_timestamp_seconds",
    "Instant of the newest event of a source, Unix time in seconds; over workers take "
    "the maximum.",
    "source",
)
STALE_PARTITIONS = _worker_now(
    "callcenter_stale_partitions",
    "Source partitions unheard for too long by this worker's queues; their queues are "
    "stale.",
)
READY = _worker_now(
    "callcenter_ready",
    "1 when every partition of this worker is loaded and complete, else 0.",
)
CLOCK = _worker_now(
    "callcenter_clock_timestamp_seconds",
    "Now by the worker's clock (wall, event or scaled), Unix time in seconds.",
)
AS_OF = _worker_now(
    "callcenter_as_of_timestamp_seconds",
    "The instant for which the queues' numbers hold, Unix time in seconds: now, or an "
    "earlier one while events are still unread.",
)
SELF_CHECKS = _worker_count(
    "callcenter_self_checks_total",
    "Looks of this worker at its own state since it started: equal; different (live "
    "counts and contacts, windows and panes, or state and durable mirror disagree: a "
    "fault); unread (the broker didn't answer).",
    "result",
)
LOOP_DELAY = _worker_now(
    "callcenter_event_loop_delay_seconds",
    "The longest that a turn of the worker's event loop was late in the last 15 to 30 "
    "seconds, by its own work or because the machine was busy.",
)
LOOP_BLOCKED = _worker_count(
    "callcenter_event_loop_blocked_total",
    "How often the worker's own work held its event loop up for more than 50 ms.",
)
EXPOSITION_DURATION = _worker_now(
    "callcenter_exposition_duration_seconds",
    "Seconds of CPU that the scrape before this one took; NaN at the first.",
)
BUILD_INFO = _worker_now(
    "callcenter_build_info",
    "1, with the version that runs.",
    "version",
)
