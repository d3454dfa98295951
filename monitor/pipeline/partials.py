"""Tells the queues' owners what the source partitions of this worker know.

Rule: a partial is absolute. One message for each target partition holds all of its
queues that changed; every few seconds a complete one goes to every target, even an
empty one, for that is how a target knows whom it has heard.

Nothing is told before it is durable: a partial waits for the checkpoint that holds its
numbers. So a successor begins with at least what was shown, and no counter goes down;
not even those of what the clock did to contacts whose news came late, which depend on
when somebody looked and could not be made again from the log.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from monitor.clocks import Clock
from monitor.config import Settings
from monitor.core.view import PartitionPart, QueuePart
from monitor.pipeline import topics
from monitor.pipeline.holding import Holding
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.targets import Completions, Send, by_target, shares
from monitor.wire.partials import encode_part


class Partials:
    """Sends the parts of the source partitions that this worker holds."""

    def __init__(
        self,
        settings: Settings,
        holdings: Holdings[Holding],
        clock: Clock,
        end_of_log: Callable[[int], int | None],
        send: Send,
        targets: int,
    ) -> None:
        """Send to `targets` target partitions; `end_of_log` of a source partition."""
        self._completions: Completions[Holding] = Completions(
            settings.partials.complete_interval / 1000
        )
        self._holdings = holdings
        self._clock = clock
        self._end_of_log = end_of_log
        self._send = send
        self._targets = targets
        self._read: dict[Holding, int] = {}
        self._telling: dict[Holding, asyncio.Task[None]] = {}
        """What was made and waits to be durable; the next one waits for it."""

    async def tick(self) -> None:
        """Let time pass for every partition and send what changed."""
        held = set(self._holdings)
        self._completions.keep(held)
        self._read = {h: read for h, read in self._read.items() if h in held}
        told = {h: task for h, task in self._telling.items() if task.done()}
        for holding, task in told.items():
            del self._telling[holding]
            task.result()
        for holding in sorted(held - self._telling.keys(), key=lambda h: h.number):
            await self._tell(holding)
            await asyncio.sleep(0)

    async def _tell(self, holding: Holding) -> None:
        told_at = time.monotonic()
        everything = self._completions.is_due(holding, told_at)
        async with holding.still:
            if self._holdings.get(holding.number) is not holding:
                return
            messages = await self._messages(holding, everything=everything)
            mark = holding.mark()
        if everything:
            self._completions.note(holding, told_at)
        durable = None if holding.is_durable(mark) else holding.checkpoint()
        self._telling[holding] = asyncio.create_task(
            self._send_all(holding, messages, durable)
        )

    async def _send_all(
        self,
        holding: Holding,
        messages: list[tuple[int, bytes]],
        durable: Awaitable[None] | None,
    ) -> None:
        if durable is not None:
            await durable
        for target, message in messages:
            key = str(holding.number).encode()
            await self._send(topics.QUEUE_PARTIALS, key, message, partition=target)

    async def _messages(
        self, holding: Holding, *, everything: bool
    ) -> list[tuple[int, bytes]]:
        """What to tell which target; hold `still`: the offset is that of the numbers.

        Others get their turns between slices of the work.
        """
        end = self._end_of_log(holding.number)
        now = holding.now(self._clock, end)
        behind = holding.is_behind(self._clock, end)
        parts: list[QueuePart] = []
        for some in holding.partition.part_slices(now, everything=everything):
            parts += some
            await asyncio.sleep(0)
        messages = []
        for target, queues in self._by_target(holding, parts, everything=everything):
            for piece in _pieces(holding, queues, everything=everything, behind=behind):
                messages.append((target, encode_part(piece)))
                await asyncio.sleep(0)
        return messages

    def _by_target(
        self, holding: Holding, parts: Iterable[QueuePart], *, everything: bool
    ) -> Iterable[tuple[int, list[QueuePart]]]:
        grouped = by_target(
            parts, lambda part: part.queue, self._targets, everything=everything
        )
        if self._read.get(holding) != holding.partition.counts.read:
            # Its counts are shown by the target of the same number.
            grouped.setdefault(holding.number, [])
        self._read[holding] = holding.partition.counts.read
        return grouped.items()


def _pieces(
    holding: Holding, queues: list[QueuePart], *, everything: bool, behind: bool
) -> Iterable[PartitionPart]:
    partition = holding.partition
    for share in shares(queues, everything=everything):
        yield PartitionPart(
            source=holding.number,
            offset=partition.next_offset,
            complete=everything,
            counts=partition.counts,
            queues=share.parts,
            now=partition.now,
            behind=behind,
            piece=share.piece,
            pieces=share.pieces,
        )
