"""The process's own health: its memory's collector and the turns of its event loop.

Rule: Python's cyclic collector would walk the large, growing state again and again and
cost half of the throughput (design.md section 12). The state makes no cycles, so what
start-up made is frozen, the thresholds are raised, and a full collection runs when
nothing is going on.
"""

import asyncio
import gc
import logging
import time
from collections.abc import Callable
from typing import Any

from monitor.pipeline.holdings import Holdings

log = logging.getLogger(__name__)

THRESHOLDS = (20_000, 1_000_000, 1_000_000)
"""Allocations before a young collection, which takes about 2 ms; young ones before a
middle one, and those before a full one: never by themselves, because both would walk
millions of objects of the state and hold the event loop for 100 ms and more."""
COLLECT_SECONDS = 600.0
"""Between full collections."""
QUIET_SECONDS = 2.0
LOOK_SECONDS = 5.0
TICK_SECONDS = 0.02
STRETCH_SECONDS = 15.0
BLOCKED_SECONDS = 0.05
"""From this on a delay counts as a blocked loop."""


def tune_collector() -> None:
    """Freeze what is there and collect seldom. Call once, when start-up is over."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


class LoopWatch:
    """How long the event loop is held up by single pieces of work.

    Whoever holds it up delays heartbeats, scrapes and everybody else's turn.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        """Nothing was seen yet; `steady` seconds measure."""
        self.blocked = 0
        """How often its own work held it up for more than `BLOCKED_SECONDS`."""
        self._steady = steady
        self._worst = (0.0, 0.0)
        """In the stretch before this one, and in this one."""
        self._began = steady()

    def note(self, delay: float, worked: float) -> None:
        """Take in that a turn came `delay` seconds late, after `worked` CPU seconds."""
        now = self._steady()
        if now - self._began >= STRETCH_SECONDS:
            self._began = now
            self._worst = (self._worst[1], 0.0)
        self._worst = (self._worst[0], max(self._worst[1], delay))
        # On a busy machine a turn is late although nobody here held it up.
        self.blocked += min(delay, worked) > BLOCKED_SECONDS

    def worst(self) -> float:
        """The longest delay of the last one or two stretches, seconds."""
        return max(self._worst)

    async def watch(self) -> None:
        """Measure, again and again; never returns."""
        while True:
            due = self._steady() + TICK_SECONDS
            worked = time.thread_time()
            await asyncio.sleep(TICK_SECONDS)
            delay = max(0.0, self._steady() - due)
            self.note(delay, time.thread_time() - worked)


async def collect_when_quiet(holdings: Holdings[Any]) -> None:
    """Run a full collection at a quiet moment, again and again; never returns."""
    last = time.monotonic()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        began = time.monotonic()
        if began - last < COLLECT_SECONDS or holdings.idle_seconds() < QUIET_SECONDS:
            continue
        unreachable = gc.collect()
        last = time.monotonic()
        log.info(
            "doing=collection unreachable=%d ms=%.0f",
            unreachable,
            1000 * (last - began),
        )
