"""A board that stands still, so that it can be read beside the event loop.

Rule: what a board hands out is never changed afterwards, only replaced; so standing
still means holding on to it.
"""

from typing import Self

from monitor.core.view import Board, PipelineView, QueueView


class Snapshot:
    """A `Board` with the values of one instant."""

    def __init__(self, board: Board) -> None:
        """Take what `board` shows; to be called where it lives, on the event loop."""
        self._now = board.now()
        self._queues = board.queues()
        self._stale = board.stale_queues()
        self._pipeline = board.pipeline()

    @classmethod
    async def take(cls, board: Board) -> Self:
        """The same, but others get their turns while what is shown is made ready."""
        await board.prepare()
        return cls(board)

    async def prepare(self) -> None:
        """Nothing: everything is ready."""

    def queues(self) -> list[QueueView]:
        return self._queues

    def stale_queues(self) -> list[tuple[str, str]]:
        return self._stale

    def pipeline(self) -> PipelineView:
        return self._pipeline

    def now(self) -> int:
        return self._now
