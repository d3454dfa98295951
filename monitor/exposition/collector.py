"""The collector: the board's state as metric families, at the moment of the scrape.

Rule: nothing is kept between scrapes. What the board doesn't show any more is gone from
the exposition by construction, so a queue that moved appears on its new worker only.
"""

import math
from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from monitor import __version__
from monitor.core.people.parts import PersonPart
from monitor.core.view import Board
from monitor.exposition.people import people_families
from monitor.exposition.pipeline import pipeline_families
from monitor.exposition.queues import Scale, queue_families


class BoardCollector(Collector):
    """Reads a `Board` for a `CollectorRegistry` of its own, never the global one."""

    def __init__(
        self,
        board: Board,
        scale: Scale | None = None,
        *,
        version: str = __version__,
        last_duration: float = math.nan,
        persons: Iterable[PersonPart] = (),
    ) -> None:
        """Read `board`, and show `persons` one by one.

        `last_duration`: CPU seconds of the scrape before.
        """
        self._persons = persons
        self._last_duration = last_duration
        self._board = board
        self._scale = scale or Scale()
        self._version = version

    def collect(self) -> Iterator[Family]:
        """Every family, in the order of `names`' subjects; each one is complete."""
        yield from queue_families(self._board, self._scale)
        yield from people_families(self._board, self._scale.windows, self._persons)
        yield from pipeline_families(
            self._board, version=self._version, duration=self._last_duration
        )

    def describe(self) -> list[Family]:
        """Nothing: registering must not read the board."""
        return []
