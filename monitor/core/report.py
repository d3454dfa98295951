"""The report: every number by its name, as plain JSON values (interface.md section 3).

Rule: the same names and the same order wherever a person or a program reads numbers:
offline reports, the API, `callcenter.queue-metrics`. Sums come from views, ratios from
`kpi`; nothing is counted here. Durations are seconds, ratios 0-1, what doesn't exist is
None.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from monitor.core import kpi, tally
from monitor.core.merge import merge_parts
from monitor.core.people.states import AVAILABLE, WITH_CONTACT
from monitor.core.rules import QueueRules
from monitor.core.tally import Tally
from monitor.core.view import PartitionCounts, QueuePart, QueueView

Report = dict[str, Any]

ESTIMATE_WINDOW = "1h"
"""The window whose handle time the estimated wait uses; without it, all there is."""


def instant(at: int) -> str:
    """An instant as RFC 3339, UTC, milliseconds."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def report(
    views: Sequence[QueueView],
    counts: PartitionCounts,
    now: int,
    peaks: Mapping[str, int] | None = None,
) -> Report:
    """The whole report of interface.md section 3, as of `now`.

    `views` are in the order of queue and channel; channels of one queue are added up.
    `peaks` are the most contacts that waited at once by queue, under `""` of all
    queues; without them the views' own are shown.
    """
    queues = {
        name: queue_report(list(group), now)
        for name, group in groupby(views, key=lambda view: view.queue)
    }
    total = queue_report(views, now)
    if peaks is not None:
        total["waiting_max"] = peaks.get("", 0)
        for name, numbers in queues.items():
            numbers["waiting_max"] = peaks.get(name, 0)
    return {
        "now": instant(now),
        "events": events_report(counts),
        "drift": sum(_drift(view) for view in views),
        "queues": queues,
        "total": total,
    }


def events_report(counts: PartitionCounts) -> Report:
    """What became of the records that were read."""
    return {
        "read": counts.read,
        "applied": counts.applied,
        "duplicate": counts.duplicate,
        "late": counts.late,
        "ignored": counts.ignored,
        "dead_letters": sum(counts.dead_letters.values()),
    }


def queue_report(views: Sequence[QueueView], now: int) -> Report:
    """One queue, or any group of queues added up, as of `now`.

    Each view counts by its own threshold; ratios use the policy of the first one, whose
    threshold, target and policy are shown. No view gives zeros.
    """
    rules = views[0].rules if views else QueueRules()
    bounds = {bound for view in views for bound in view.rules.wait_buckets_ms}
    part = merge_parts(views) if views else None
    total = part.total if part else {}
    waiting = part.waiting if part else 0
    oldest = part.oldest_waiting if part else 0
    phases = part.phases if part else {}
    live = {
        "waiting": waiting,
        "in_progress": sum(phases.values()),
        "waiting_over_threshold": part.waiting_over_threshold if part else 0,
        "waiting_max": _waiting_max(views),
        "longest_wait_seconds": max(0, now - oldest) / 1000 if oldest else 0.0,
        "phases": dict(phases),
    }
    live |= _conversations(part)
    result: Report = {"channels": sorted({view.channel for view in views})}
    result |= _counts(total)
    result |= live
    result |= _sums(total)
    result |= _means(total, bounds)
    result["service_level"] = _service_level(total, rules)
    result["estimated_wait"] = _estimated_wait(part, waiting, agents_for(views))
    result["drift"] = sum(_drift(view) for view in views)
    result["windows"] = {
        name: _window(window, rules, bounds)
        for name, window in (part.windows if part else {}).items()
    }
    return result


def _waiting_max(views: Iterable[QueueView]) -> int:
    return max((view.waiting_max for view in views), default=0)


def _drift(view: QueueView) -> int:
    return kpi.drift(view.total, view.waiting)


def _window(sums: Tally, rules: QueueRules, bounds: Iterable[int]) -> Report:
    result = _counts(sums)
    result |= _sums(sums)
    result |= _means(sums, bounds)
    result["service_level"] = _service_level(sums, rules)
    return result


def _counts(sums: Tally) -> Report:
    return {
        "offered": sums.get(tally.OFFERED, 0),
        "answered": sums.get(tally.ANSWERED, 0),
        "abandoned": sums.get(tally.ABANDONED, 0),
        "abandoned_short": sums.get(tally.ABANDONED_SHORT, 0),
        "diverted": tally.with_prefix(sums, tally.DIVERTED),
        "expired": sums.get(tally.EXPIRED, 0),
        "rejected": tally.with_prefix(sums, tally.REJECTED),
    }


def _sums(sums: Tally) -> Report:
    return {
        "answered_wait_seconds_sum": sums.get(tally.ANSWERED_WAIT, 0) / 1000,
        "abandoned_wait_seconds_sum": sums.get(tally.ABANDONED_WAIT, 0) / 1000,
        "talk_seconds_sum": sums.get(tally.TALK, 0) / 1000,
        "hold_seconds_sum": sums.get(tally.HOLD, 0) / 1000,
        "acw_seconds_sum": sums.get(tally.ACW, 0) / 1000,
        "handled": sums.get(tally.HANDLED, 0),
        "held": sums.get(tally.HELD, 0),
        "unfinished": sums.get(tally.UNFINISHED, 0),
        "transferred": tally.with_prefix(sums, tally.TRANSFERRED),
        "alerts": sums.get(tally.ALERTS, 0),
        "ring_no_answer": kpi.ring_no_answer(sums),
        "first_responses": sums.get(tally.FIRST_RESPONSES, 0),
        "first_response_seconds_sum": sums.get(tally.FIRST_RESPONSE, 0) / 1000,
        "responses": sums.get(tally.RESPONSES, 0),
        "response_seconds_sum": sums.get(tally.RESPONSE, 0) / 1000,
        "messages": tally.with_prefix(sums, tally.MESSAGES),
    }


def _means(sums: Tally, bounds: Iterable[int]) -> Report:
    names = [f"p{round(quantile * 100)}" for quantile in kpi.QUANTILES]
    waits = kpi.answer_wait_quantiles_seconds(sums, bounds)
    return {
        "speed_of_answer_seconds": kpi.speed_of_answer_seconds(sums),
        "time_to_abandon_seconds": kpi.time_to_abandon_seconds(sums),
        "handle_time_seconds": kpi.handle_time_seconds(sums),
        "hold_time_seconds": kpi.hold_time_seconds(sums),
        "first_response_seconds": kpi.first_response_seconds(sums),
        "response_seconds": kpi.response_seconds(sums),
        "abandonment_ratio": kpi.abandonment_ratio(sums),
        "hold_ratio": kpi.hold_ratio(sums),
        "transfer_ratio": kpi.transfer_ratio(sums),
        "answer_wait_quantiles_seconds": dict(zip(names, waits, strict=True)),
    }


def _conversations(part: QueuePart | None) -> Report:
    active = part.active if part else 0
    agents = len(part.active_agents) if part else 0
    return {
        "active": active,
        "inactive": part.inactive if part else 0,
        "active_agents": agents,
        "concurrency": kpi.concurrency(active, agents),
    }


def _service_level(sums: Tally, rules: QueueRules) -> Report:
    own = kpi.service_level(sums, rules)
    by_policy: Mapping[str, kpi.ServiceLevel] = kpi.service_levels(sums, rules)
    return {
        "threshold_seconds": _plain(rules.threshold_ms / 1000),
        "target_ratio": rules.target_ratio,
        "policy": rules.policy,
        "ratio": own.ratio,
        "in_time": own.in_time,
        "counted": own.counted,
        "answered_in_time": sums.get(tally.ANSWERED_IN_TIME, 0),
        "abandoned_in_time": sums.get(tally.ABANDONED_IN_TIME, 0)
        + sums.get(tally.ABANDONED_SHORT_IN_TIME, 0),
        "crossed": sums.get(tally.CROSSED, 0),
        "policies": {name: level.ratio for name, level in by_policy.items()},
    }


def agents_for(views: Sequence[QueueView]) -> int:
    """Agents who can take the queue now or work for it.

    Who serves the queue and is neither away nor logged out; those who have a contact of
    it in hand, where people aren't known.
    """
    if views and views[0].people is not None and views[0].queue == views[-1].queue:
        states = views[0].people.states
        return sum(states.get(state, 0) for state in (*WITH_CONTACT, AVAILABLE))
    return sum(view.agents_in_hand for view in views)


def _estimated_wait(part: QueuePart | None, waiting: int, agents: int) -> Report | None:
    if part is None:
        return None
    sums = part.windows.get(ESTIMATE_WINDOW, part.total)
    handle_time = kpi.handle_time_seconds(sums)
    estimate = kpi.estimated_wait(waiting, handle_time, agents)
    return None if estimate is None else estimate._asdict()


def _plain(seconds: float) -> float | int:
    """Whole seconds without a fraction, as the configuration writes them."""
    return int(seconds) if seconds == int(seconds) else seconds
