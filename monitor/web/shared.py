"""One answer for many askers.

Rule: however many pages are open, an answer is made once per `fresh_for` seconds, in a
thread, from what the board showed at one instant.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from monitor.core.snapshot import Snapshot
from monitor.core.view import Board


@dataclass(slots=True)
class _Made:
    at: float
    task: asyncio.Task[bytes]


class SharedAnswers:
    """Bodies made from the board, kept for a moment."""

    def __init__(
        self,
        board: Board,
        fresh_for: float = 0.3,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make answers from `board`; `steady` says, in seconds, how old one is."""
        self._board = board
        self._fresh_for = fresh_for
        self._steady = steady
        self._made: dict[str, _Made] = {}

    async def get(
        self, name: str, make: Callable[[Snapshot], bytes], *, persons: bool = False
    ) -> bytes:
        """The answer called `name`: one that is fresh or under way, else `make` it.

        `persons`: from every single person as well.
        """
        now = self._steady()
        made = self._made.get(name)
        if made is None or made.task.cancelled() or self._is_old(made, now):
            task = asyncio.create_task(self._make(make, persons=persons))
            made = self._made[name] = _Made(now, task)
        return await asyncio.shield(made.task)

    async def _make(self, make: Callable[[Snapshot], bytes], *, persons: bool) -> bytes:
        snapshot = await Snapshot.take(self._board, persons=persons)
        return await asyncio.to_thread(make, snapshot)

    def _is_old(self, made: _Made, now: float) -> bool:
        return made.task.done() and now - made.at >= self._fresh_for

    async def close(self) -> None:
        """Wait for what is under way."""
        tasks = [made.task for made in self._made.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
