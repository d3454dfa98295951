"""The text exposition of a board.

Rule: a scrape never holds the event loop: the loop takes what the board shows, a thread
renders it (1.5 ms a queue, 240 series).
"""

import asyncio
import math
import time
from collections.abc import Iterable

from monitor import __version__
from monitor.core.people.parts import PersonPart
from monitor.core.snapshot import Snapshot
from monitor.core.view import Board
from monitor.exposition.collector import BoardCollector
from monitor.exposition.queues import Scale
from monitor.exposition.text import encode


class Exposition:
    """Renders a board as often as it is scraped."""

    def __init__(
        self,
        board: Board,
        scale: Scale | None = None,
        *,
        version: str = __version__,
        per_agent: bool = False,
    ) -> None:
        """Render `board`; `per_agent`: every single person as well."""
        self._board = board
        self._per_agent = per_agent
        self._scale = scale
        self._version = version
        self._last_duration = math.nan

    def render(self) -> bytes:
        """The exposition now, at once. Call it where the board lives."""
        return self._text(self._board)

    async def render_beside(self) -> bytes:
        """The exposition as of the call, rendered without holding the event loop."""
        snapshot = await Snapshot.take(self._board, persons=self._per_agent)
        return await asyncio.to_thread(self._text, snapshot, snapshot.agents)

    def _text(self, board: Board, persons: Iterable[PersonPart] = ()) -> bytes:
        started = time.thread_time()
        collector = BoardCollector(
            board,
            self._scale,
            version=self._version,
            last_duration=self._last_duration,
            persons=persons,
        )
        text = encode(collector.collect())
        self._last_duration = time.thread_time() - started
        return text
