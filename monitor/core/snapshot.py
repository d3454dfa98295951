"""A board that stands still, so that a scrape can be rendered beside the event loop.

Rule: what is taken is copied down to the last dictionary; the live board may change
the next moment, and the thread that renders must not see it.
"""

from dataclasses import replace

from monitor.core.view import Board, PartitionCounts, PipelineView, QueueView


class Snapshot:
    """A `Board` with the values of one instant."""

    def __init__(self, board: Board) -> None:
        """Copy `board`; to be called where the board lives, on the event loop."""
        self._now = board.now()
        self._queues = [_queue(view) for view in board.queues()]
        self._stale = list(board.stale_queues())
        self._pipeline = _pipeline(board.pipeline())

    def queues(self) -> list[QueueView]:
        return self._queues

    def stale_queues(self) -> list[tuple[str, str]]:
        return self._stale

    def pipeline(self) -> PipelineView:
        return self._pipeline

    def now(self) -> int:
        return self._now


def _queue(view: QueueView) -> QueueView:
    return replace(
        view,
        phases=dict(view.phases),
        windows={window: dict(tally) for window, tally in view.windows.items()},
        total=dict(view.total),
        corrected=dict(view.corrected),
    )


def _pipeline(view: PipelineView) -> PipelineView:
    return replace(
        view,
        counts={source: _counts(counts) for source, counts in view.counts.items()},
        last_event_at={n: dict(newest) for n, newest in view.last_event_at.items()},
        self_checks=dict(view.self_checks),
        lag_ms=dict(view.lag_ms),
        lag_records=dict(view.lag_records),
        checkpoint_age_ms=dict(view.checkpoint_age_ms),
    )


def _counts(counts: PartitionCounts) -> PartitionCounts:
    return replace(
        counts,
        dead_letters=dict(counts.dead_letters),
        last_event_at=dict(counts.last_event_at),
    )
