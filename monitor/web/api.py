"""The API's JSON: the report of the queues now, and the worker's health.

Rule: names are those of `core.report`; what a live view needs beyond a report is added
beside them, never instead. Nothing is counted here.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from monitor import __version__
from monitor.core.people.parts import PersonPart
from monitor.core.people.report import add_groups, agent_report, people_report
from monitor.core.report import events_report, instant, queue_report, report
from monitor.core.view import Board, PartitionCounts, PipelineView, QueueView

Json = dict[str, Any]


def queues_json(board: Board, windows: Sequence[str] | None = None) -> Json:
    """Every queue now; with only these `windows`, or with all.

    A queue of several channels has each of them under `by_channel` as well. Queues
    whose state isn't known are in `stale_queues` and nowhere else.
    """
    pipeline = board.pipeline()
    # While events are unread, a wait that may be over by now must not grow.
    now = pipeline.as_of or board.now()
    views = [_with_windows(view, windows) for view in board.queues()]
    result = report(views, _sum(pipeline.counts.values()), now)
    queues: Json = result["queues"]
    for name, group in groupby(views, key=lambda view: view.queue):
        _add_live(queues[name], list(group), now)
    add_groups(result, {group.name: group for group in board.groups()})
    newest = _newest_event(pipeline)
    return result | {
        "clock": instant(board.now()),
        "behind_seconds": max(0, board.now() - now) / 1000,
        "ready": pipeline.ready,
        "reason": pipeline.reason,
        "stale_partitions": pipeline.stale_partitions,
        "last_event": instant(newest) if newest else None,
        "stale_queues": [
            {"queue": queue, "channel": channel}
            for queue, channel in board.stale_queues()
        ],
    }


def agents_json(board: Board, persons: Iterable[PersonPart]) -> Json:
    """Everybody, if this worker shows that, and each person whom it holds."""
    pipeline = board.pipeline()
    everybody = next((group for group in board.groups() if not group.name), None)
    return {
        "now": instant(board.now()),
        "ready": pipeline.ready,
        "reason": pipeline.reason,
        "people": None if everybody is None else people_report(everybody),
        "agents": {person.agent: agent_report(person) for person in persons},
    }


def health_json(board: Board) -> Json:
    """The pipeline's state on this worker, by source partition."""
    pipeline = board.pipeline()
    numbers = (
        pipeline.counts.keys()
        | pipeline.last_event_at.keys()
        | pipeline.lag_ms.keys()
        | pipeline.lag_records.keys()
        | pipeline.checkpoint_age_ms.keys()
    )
    return {
        "now": instant(board.now()),
        "as_of": instant(pipeline.as_of or board.now()),
        "version": __version__,
        "ready": pipeline.ready,
        "reason": pipeline.reason,
        "stale_partitions": pipeline.stale_partitions,
        "stream": pipeline.stream,
        "partitions": {
            str(number): _partition(pipeline, number) for number in sorted(numbers)
        },
    }


def encode(value: Json) -> bytes:
    """JSON, UTF-8, key order kept; a lone surrogate in a name is written escaped."""
    return json.dumps(value, separators=(",", ":")).encode()


def _with_windows(view: QueueView, windows: Sequence[str] | None) -> QueueView:
    if windows is None:
        return view
    return replace(view, windows={name: view.windows.get(name, {}) for name in windows})


def _add_live(queue: Json, views: list[QueueView], now: int) -> None:
    oldest = [view.oldest_waiting for view in views if view.oldest_waiting]
    queue["agents_in_hand"] = sum(view.agents_in_hand for view in views)
    queue["oldest_waiting"] = instant(min(oldest)) if oldest else None
    if len(views) > 1:
        queue["by_channel"] = {}
        for view in views:
            channel = queue["by_channel"][view.channel] = queue_report([view], now)
            _add_live(channel, [view], now)


def _newest_event(pipeline: PipelineView) -> int:
    return max(
        (at for newest in pipeline.last_event_at.values() for at in newest.values()),
        default=0,
    )


def _sum(parts: Iterable[PartitionCounts]) -> PartitionCounts:
    total = PartitionCounts()
    for part in parts:
        total.read += part.read
        total.applied += part.applied
        total.duplicate += part.duplicate
        total.late += part.late
        total.ignored += part.ignored
        for reason, count in part.dead_letters.items():
            total.dead_letters[reason] = total.dead_letters.get(reason, 0) + count
    return total


def _partition(pipeline: PipelineView, number: int) -> Json:
    counts = pipeline.counts.get(number)
    newest = sorted(pipeline.last_event_at.get(number, {}).items())
    return {
        "events": events_report(counts) if counts else None,
        "last_event": {source: instant(at) for source, at in newest},
        "event_lag_seconds": _seconds(pipeline.lag_ms.get(number)),
        "consumer_lag_records": pipeline.lag_records.get(number),
        "checkpoint_age_seconds": _seconds(pipeline.checkpoint_age_ms.get(number)),
    }


def _seconds(duration_ms: int | None) -> float | None:
    return None if duration_ms is None else duration_ms / 1000
