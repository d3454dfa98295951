"""The process's own health: its memory's collector, kept out of the way of events.

Rule: Python's cyclic collector would walk the large, growing state again and again and
cost half of the throughput (design.md section 12). The state makes no cycles, so what
start-up made is frozen, the thresholds are raised, and a full collection runs when
nothing is going on.
"""

import asyncio
import gc
import logging
import time

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


def tune_collector() -> None:
    """Freeze what is there and collect seldom. Call once, when start-up is over."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


async def collect_when_quiet(holdings: Holdings) -> None:
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
