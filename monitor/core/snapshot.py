"""A board that stands still, so that it can be read beside the event loop.

Rule: what a board hands out is never changed afterwards, only replaced; so standing
still means holding on to it.
"""

from typing import Self

from monitor.core.people.parts import GroupPart, PersonPart
from monitor.core.view import Board, PipelineView, QueueView


class Snapshot:
    """A `Board` with the values of one instant."""

    def __init__(self, board: Board) -> None:
        """Take what `board` shows; to be called where it lives, on the event loop."""
        self._now = board.now()
        self._queues = board.queues()
        self._stale = board.stale_queues()
        self._groups = board.groups()
        self._stale_groups = board.stale_groups()
        self.agents: list[PersonPart] = []
        """Everybody, if they were asked for."""
        self._pipeline = board.pipeline()

    @classmethod
    async def take(cls, board: Board, *, persons: bool = False) -> Self:
        """The same, but others get their turns while what is shown is made ready.

        `persons`: every single person as well.
        """
        await board.prepare()
        agents = await board.persons() if persons else []
        snapshot = cls(board)
        snapshot.agents = agents
        return snapshot

    async def prepare(self) -> None:
        """Nothing: everything is ready."""

    def queues(self) -> list[QueueView]:
        return self._queues

    def stale_queues(self) -> list[tuple[str, str]]:
        return self._stale

    def groups(self) -> list[GroupPart]:
        return self._groups

    def stale_groups(self) -> list[str]:
        return self._stale_groups

    async def persons(self) -> list[PersonPart]:
        return self.agents

    def pipeline(self) -> PipelineView:
        return self._pipeline

    def now(self) -> int:
        return self._now
