"""Writes the queues' numbers to `callcenter.queue-metrics`, for whoever reads topics.

Rule: the same JSON as everywhere, by queue, about once a second and only when a queue's
numbers changed. The owner of a queue writes it; after a move the new owner goes on.
"""

import asyncio
from collections.abc import Iterable
from itertools import groupby
from typing import Protocol

from monitor.core.merge import Merge
from monitor.pipeline import topics
from monitor.pipeline.targets import Send
from monitor.wire.queue_json import encode_queue

QUEUES_A_TURN = 2
"""Queues encoded before others get a turn of the event loop."""


class Shown(Protocol):
    """Which merges may be shown, and what time it is."""

    def shown(self) -> Iterable[tuple[int, Merge]]: ...


class MetricsTopic:
    """Publishes what changed since it last looked."""

    def __init__(self, queues: Shown, send: Send) -> None:
        """Publish what `queues` shows, by `send`."""
        self._queues = queues
        self._send = send

    async def tick(self, now: int) -> None:
        """Publish every changed queue as of `now`."""
        for number, merge in self._queues.shown():
            changed = {queue for queue, _ in merge.take_changed()}
            keys = [key for key in merge.queues() if key[0] in changed]
            grouped = [(q, list(ks)) for q, ks in groupby(keys, lambda key: key[0])]
            for count, (queue, channels) in enumerate(grouped, 1):
                views = [merge.view(key) for key in channels if merge.knows(key)]
                if not views:
                    continue  # gone while others had their turn
                value = encode_queue(views, now)
                await self._send(
                    topics.QUEUE_METRICS, queue.encode(), value, partition=number
                )
                if not count % QUEUES_A_TURN:
                    await asyncio.sleep(0)
