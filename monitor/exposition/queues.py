"""The queues' metrics: one table says from what each is read.

Rule: gauges of a queue that has no value are NaN, never absent and never a calm 0;
counters show what was added (net total + corrections), so that they never go down.
Only what speaks of messages isn't shown of queues of calls, which have none.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from prometheus_client.metrics_core import Metric as Family

from monitor.core import kpi
from monitor.core import tally as t
from monitor.core.events import AUTHORS
from monitor.core.report import ESTIMATE_WINDOW, agents_for
from monitor.core.rules import (
    DEFAULT_WINDOWS_MS,
    HANDLE_BUCKETS_MS,
    POLICIES,
    RESPONSE_BUCKETS_MS,
    TODAY,
    WAIT_BUCKETS_MS,
    QueueRules,
)
from monitor.core.view import PHASES, Board, QueueView
from monitor.exposition import queue_metrics as names
from monitor.exposition.family import (
    children,
    counter,
    gauge,
    gauge_like,
    histogram,
    label,
)
from monitor.exposition.metric import (
    CORRECTED_FATES,
    LABEL_VALUES,
    STANDARD_REASONS,
    Metric,
)

T = TypeVar("T")
NAN = math.nan
SPOKEN = frozenset({"voice", "callback"})
"""Channels without messages."""
MESSAGES = tuple(t.MESSAGES + author for author in (*AUTHORS, "unknown"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What the series of a queue are, whatever its numbers."""

    windows: tuple[str, ...] = (*DEFAULT_WINDOWS_MS, TODAY)
    """Names of the windows, `today` among them."""
    wait_buckets_ms: tuple[int, ...] = WAIT_BUCKETS_MS
    handle_buckets_ms: tuple[int, ...] = HANDLE_BUCKETS_MS


class Queue(NamedTuple):
    """One known queue at the moment of the scrape."""

    labels: tuple[str, str]
    view: QueueView
    added: t.Tally
    """All contributions that were ever added: what counters show."""
    now: int


Live = Callable[[QueueView, int], Sequence[float | None]]
"""Values of a gauge's children now, in the order of `children`; `None`: absent."""
Windowed = Callable[[t.Tally, QueueRules, Scale], Sequence[float | None]]
"""Values of a windowed gauge's children; `None`: no data."""


def _longest_wait(view: QueueView, now: int) -> float:
    if not view.oldest_waiting:
        return 0.0
    return max(0, now - view.oldest_waiting) / 1000


def _estimated_wait(view: QueueView) -> float | None:
    sums = view.windows.get(ESTIMATE_WINDOW, view.total)
    handle_time = kpi.handle_time_seconds(sums)
    estimate = kpi.estimated_wait(view.waiting, handle_time, agents_for([view]))
    return NAN if estimate is None else estimate.seconds


def _concurrency(view: QueueView) -> float | None:
    value = kpi.concurrency(view.active, len(view.active_agents))
    return NAN if value is None else value


LIVE: Mapping[Metric, Live] = {
    names.WAITING: lambda view, _: (view.waiting,),
    names.LONGEST_WAIT: lambda view, now: (_longest_wait(view, now),),
    names.OLDEST_WAITING: lambda view, _: (
        view.oldest_waiting / 1000 if view.oldest_waiting else None,
    ),
    names.WAITING_OVER_THRESHOLD: lambda view, _: (view.waiting_over_threshold,),
    names.IN_PROGRESS: lambda view, _: [view.phases.get(phase, 0) for phase in PHASES],
    names.AGENTS_IN_HAND: lambda view, _: (view.agents_in_hand,),
    names.ACTIVE: lambda view, _: (view.active,),
    names.INACTIVE: lambda view, _: (view.inactive,),
    names.ACTIVE_AGENTS: lambda view, _: (len(view.active_agents),),
    names.CONCURRENCY: lambda view, _: (_concurrency(view),),
    names.ESTIMATED_WAIT: lambda view, _: (_estimated_wait(view),),
    names.DRIFT: lambda view, _: (kpi.drift(view.total, view.waiting),),
    names.TARGET: lambda view, _: (view.rules.target_ratio,),
    names.THRESHOLD: lambda view, _: (view.rules.threshold_ms / 1000,),
}


def _quantiles(tally: t.Tally, _: QueueRules, scale: Scale) -> list[float | None]:
    return kpi.answer_wait_quantiles_seconds(tally, scale.wait_buckets_ms)


def _components(tally: t.Tally) -> list[float | None]:
    handled = tally.get(t.HANDLED, 0)
    return [kpi.mean_seconds(tally.get(name, 0), handled) for name in COMPONENTS]


def _fates(tally: t.Tally) -> list[float]:
    return [FATES[fate](tally) for fate in LABEL_VALUES["fate"]]


def _of(name: str) -> Callable[[t.Tally], int]:
    return lambda tally: tally.get(name, 0)


COMPONENTS = (t.TALK, t.HOLD, t.ACW)
FATES: Mapping[str, Callable[[t.Tally], int]] = {
    "answered": _of(t.ANSWERED),
    "abandoned": _of(t.ABANDONED),
    "diverted": kpi.diverted_total,
    "expired": _of(t.EXPIRED),
    "offered": _of(t.OFFERED),
    "handled": _of(t.HANDLED),
    "rejected": kpi.rejected_total,
}
WINDOWED: Mapping[Metric, Windowed] = {
    names.SERVICE_LEVEL: lambda w, rules, _: (kpi.service_level(w, rules).ratio,),
    names.SERVICE_LEVEL_CONTACTS: lambda w, rules, _: kpi.service_level(w, rules),
    names.SERVICE_LEVEL_POLICY: lambda w, rules, _: [
        kpi.service_level(w, rules, policy).ratio for policy in POLICIES
    ],
    names.SPEED_OF_ANSWER: lambda w, *_: (kpi.speed_of_answer_seconds(w),),
    names.ANSWER_WAIT_QUANTILE: _quantiles,
    names.ABANDONMENT: lambda w, *_: (kpi.abandonment_ratio(w),),
    names.TIME_TO_ABANDON: lambda w, *_: (kpi.time_to_abandon_seconds(w),),
    names.HANDLE_TIME: lambda w, *_: (kpi.handle_time_seconds(w),),
    names.FIRST_RESPONSE_TIME: lambda w, *_: (kpi.first_response_seconds(w),),
    names.RESPONSE_TIME: lambda w, *_: (kpi.response_seconds(w),),
    names.HANDLE_COMPONENT: lambda w, *_: _components(w),
    names.HOLD: lambda w, *_: (kpi.hold_ratio(w),),
    names.HOLD_TIME: lambda w, *_: (kpi.hold_time_seconds(w),),
    names.TRANSFER: lambda w, *_: (kpi.transfer_ratio(w),),
    names.WINDOW_CONTACTS: lambda w, *_: _fates(w),
    names.WINDOW_OFFERED: lambda w, *_: (w.get(t.OFFERED, 0),),
    names.WINDOW_SHORT: lambda w, *_: (w.get(t.ABANDONED_SHORT, 0),),
    names.WINDOW_HANDLED: lambda w, *_: (w.get(t.HANDLED, 0),),
    names.WINDOW_FIRST_RESPONSES: lambda w, *_: (w.get(t.FIRST_RESPONSES, 0),),
    names.WINDOW_RESPONSES: lambda w, *_: (w.get(t.RESPONSES, 0),),
}
COUNTED: Mapping[Metric, str] = {
    names.OFFERED: t.OFFERED,
    names.ANSWERED: t.ANSWERED,
    names.ANSWERED_IN_TIME: t.ANSWERED_IN_TIME,
    names.CROSSED: t.CROSSED,
    names.ABANDONED: t.ABANDONED,
    names.ABANDONED_SHORT: t.ABANDONED_SHORT,
    names.EXPIRED: t.EXPIRED,
    names.HANDLED: t.HANDLED,
    names.UNFINISHED: t.UNFINISHED,
    names.HELD: t.HELD,
    names.ALERTS: t.ALERTS,
    names.RING_NO_ANSWER: f"{t.ALERT_ENDED}no_answer",
}
COUNTED_BY_REASON: Mapping[Metric, str] = {
    names.DIVERTED: t.DIVERTED,
    names.REJECTED: t.REJECTED,
    names.TRANSFERS: t.TRANSFERRED,
    names.MESSAGES: t.MESSAGES,
}


def queue_families(board: Board, scale: Scale) -> Iterator[Family]:
    """Every family of the board's queues; the board is read once, at the start."""
    # While events are unread, a wait that may be over by now must not grow.
    now = board.pipeline().as_of or board.now()
    known = [_known(view, now) for view in board.queues()]
    stale = [(label(queue), label(channel)) for queue, channel in board.stale_queues()]
    yield _stale(known, stale)
    written = [queue for queue in known if _is_written(queue)]
    stale_written = [labels for labels in stale if labels[1] not in SPOKEN]
    for metric, live in LIVE.items():
        queues = _choose(metric, known, written)
        yield _live(metric, live, queues, _choose(metric, stale, stale_written))
    yield _policy_info(known)
    for metric, windowed in WINDOWED.items():
        queues = _choose(metric, known, written)
        lost = _choose(metric, stale, stale_written)
        yield _windowed(metric, windowed, queues, lost, scale)
    for metric, name in COUNTED.items():
        family = counter(metric)
        for queue in known:
            family.add_metric(queue.labels, queue.added.get(name, 0))
        yield family
    for metric, prefix in COUNTED_BY_REASON.items():
        yield _by_reason(metric, prefix, _choose(metric, known, written))
    yield _handling(known)
    yield _corrected(known)
    yield from _histograms(known, written, scale)


def _is_written(queue: Queue) -> bool:
    """Whether there may be messages in it, or are."""
    if queue.view.channel not in SPOKEN:
        return True
    return any(name in queue.added for name in MESSAGES)


def _choose(metric: Metric, all_queues: list[T], written: list[T]) -> list[T]:
    return written if metric.name in names.OF_MESSAGES else all_queues


def _known(view: QueueView, now: int) -> Queue:
    labels = (label(view.queue), label(view.channel))
    return Queue(labels, view, t.total((view.total, view.corrected)), now)


def _stale(known: list[Queue], stale: list[tuple[str, str]]) -> Family:
    family = gauge(names.STALE)
    for queue in known:
        family.add_metric(queue.labels, 0)
    for labels in stale:
        family.add_metric(labels, 1)
    return family


def _live(
    metric: Metric, read: Live, known: list[Queue], stale: list[tuple[str, str]]
) -> Family:
    family = gauge(metric)
    rest = children(metric, after=2)
    for queue in known:
        values = read(queue.view, queue.now)
        for labels, value in zip(rest, values, strict=True):
            if value is not None:
                family.add_metric((*queue.labels, *labels), value)
    for queue_labels in stale:
        for labels in rest:
            family.add_metric((*queue_labels, *labels), NAN)
    return family


def _windowed(
    metric: Metric,
    read: Windowed,
    known: list[Queue],
    stale: list[tuple[str, str]],
    scale: Scale,
) -> Family:
    family = gauge_like(metric)
    rest = children(metric, after=3)
    for queue in known:
        for window in scale.windows:
            tally = queue.view.windows.get(window, {})
            values = read(tally, queue.view.rules, scale)
            for labels, value in zip(rest, values, strict=True):
                number = NAN if value is None else value
                family.add_metric((*queue.labels, window, *labels), number)
    for queue_labels in stale:
        for window in scale.windows:
            for labels in rest:
                family.add_metric((*queue_labels, window, *labels), NAN)
    return family


def _policy_info(known: list[Queue]) -> Family:
    family = gauge(names.POLICY_INFO)
    for queue in known:
        rules = queue.view.rules
        diverted = "negative" if rules.diverted_negative else "ignored"
        family.add_metric((*queue.labels, rules.policy, diverted), 1)
    return family


def _by_reason(metric: Metric, prefix: str, known: list[Queue]) -> Family:
    family = counter(metric)
    standard = dict.fromkeys(STANDARD_REASONS[metric.name], 0)
    for queue in known:
        counts = {**standard, **t.with_prefix(queue.added, prefix)}
        for reason, count in sorted(counts.items()):
            family.add_metric((*queue.labels, label(reason)), count)
    return family


def _handling(known: list[Queue]) -> Family:
    family = counter(names.HANDLING)
    for queue in known:
        for labels, name in zip(children(names.HANDLING, 2), COMPONENTS, strict=True):
            seconds = queue.added.get(name, 0) / 1000
            family.add_metric((*queue.labels, *labels), seconds)
    return family


def _corrected(known: list[Queue]) -> Family:
    family = counter(names.CORRECTED)
    for queue in known:
        for fate in CORRECTED_FATES:
            count = FATES[fate](queue.view.corrected)
            family.add_metric((*queue.labels, fate), count)
    return family


def _histograms(
    known: list[Queue], written: list[Queue], scale: Scale
) -> Iterator[Family]:
    waits, handles = scale.wait_buckets_ms, scale.handle_buckets_ms
    responses = RESPONSE_BUCKETS_MS
    for metric, prefix, bounds, sum_names in (
        (names.ANSWER_WAIT, t.ANSWER_WAIT_LE, waits, (t.ANSWERED_WAIT,)),
        (names.ABANDON_WAIT, t.ABANDON_WAIT_LE, waits, (t.ABANDONED_WAIT,)),
        (names.HANDLE, t.HANDLE_LE, handles, COMPONENTS),
        (names.FIRST_RESPONSE, t.FIRST_RESPONSE_LE, responses, (t.FIRST_RESPONSE,)),
    ):
        family = histogram(metric)
        for queue in _choose(metric, known, written):
            buckets = [
                (_le(bound), count)
                for bound, count in t.cumulative(queue.added, prefix, bounds)
            ]
            sum_ms = sum(queue.added.get(name, 0) for name in sum_names)
            family.add_metric(queue.labels, buckets, sum_ms / 1000)
        yield family


def _le(bound_ms: int | None) -> str:
    return "+Inf" if bound_ms is None else str(bound_ms / 1000)
