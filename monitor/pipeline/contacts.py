"""The stream processor `contacts`: from batches of events to the state of partitions.

Rule: a batch is checked (epoch, gap), decoded, applied, and its offset noted, without
another task in between: whenever a checkpoint or a partial is taken, offset and state
belong together. A record that can't be decoded is a dead letter and counted; any other
failure ends the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Protocol

from monitor.clocks import Clock, WallClock
from monitor.config import Settings
from monitor.core.contact import TOO_MANY_EVENTS
from monitor.core.events import Event, Kind
from monitor.core.rules import OTHER_QUEUE
from monitor.pipeline.batches import Batch, Flow, Record
from monitor.pipeline.dead_letters import Complaints, make_dead_letter
from monitor.pipeline.holding import Holding
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.outbox import is_copy
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event

log = logging.getLogger(__name__)

RECORDS_A_TURN = 500
"""Records applied before others get a turn of the event loop: under 10 ms."""
DISTANT_FUTURE = 1 << 60
"""Watermark for an event clock: no event is ahead of the newest one."""
PILE_UP = 4
"""How many times `checkpoint.max_rows` may pile up before processing waits."""
PILE_UP_BYTES = 32 * 1024 * 1024
"""Dead letters of a partition that may pile up before processing waits."""
TOO_MANY = BadRecord(TOO_MANY_EVENTS, "contact: has as many as one may have already")


class Spread(Protocol):
    """Copies a record to all other partitions."""

    def __call__(self, record: Record) -> Awaitable[None]: ...


class Contacts:
    """Applies the batches of all source partitions that this worker holds."""

    def __init__(
        self,
        settings: Settings,
        holdings: Holdings[Holding],
        flow: Flow,
        clock: Clock,
        spread: Spread,
    ) -> None:
        """Judge by `clock` which events are ahead; an event clock judges none."""
        self._max_rows = settings.checkpoint.max_rows
        self._holdings = holdings
        self._flow = flow
        self._clock = clock
        self._wall = WallClock()
        self._spread = spread
        self._complaints = Complaints()
        self._max_queues = settings.limits.queues
        self._told_of_folding = False

    async def process(self, batch: Batch) -> None:
        """Apply what is new of `batch`.

        Raises:
            GapError: records between the state and the batch are missing.
        """
        holding = self._holdings.get(batch.partition)
        if holding is None or batch.epoch != self._flow.epoch:
            return  # of an earlier epoch: these records are read again
        holding.check(batch)
        for begin in range(0, len(batch.records), RECORDS_A_TURN):
            if begin:
                await asyncio.sleep(0)
            async with holding.still:
                if batch.epoch != self._flow.epoch:
                    return
                self._apply(holding, batch.records[begin : begin + RECORDS_A_TURN])
        letters = holding.dead_letters
        rows = holding.partition.dirty_rows + len(letters)
        if rows > self._max_rows * PILE_UP or letters.bytes > PILE_UP_BYTES:
            await holding.checkpoint()
        elif rows > self._max_rows and not holding.is_committing:
            holding.checkpoint()

    def _apply(self, holding: Holding, records: Sequence[Record]) -> None:
        partition = holding.partition
        now = self._clock.now(DISTANT_FUTURE)
        next_offset = partition.next_offset
        folded = partition.counts.queues_folded
        events: list[Event] = []
        accepted: list[Record] = []
        for record in records:
            if record.offset < next_offset:
                continue  # in the state already
            try:
                event = decode_contact_event(record.value)
            except BadRecord as bad:
                counts = partition.counts
                counts.read += 1
                letters = counts.dead_letters.get(bad.reason, 0)
                counts.dead_letters[bad.reason] = letters + 1
                self._reject(holding, record, bad)
                continue
            if event is None:
                partition.counts.read += 1
                partition.counts.ignored += 1
                continue
            events.append(event)
            accepted.append(record)
            if event.kind == Kind.SOURCE_STARTED and not is_copy(record):
                # In the same turn as the offset: no checkpoint may cover the record
                # without waiting for its copies.
                holding.forwards.append(asyncio.ensure_future(self._spread(record)))
        for position in partition.apply(events, now):
            self._reject(holding, accepted[position], TOO_MANY)
        if partition.counts.queues_folded > folded:
            self._tell_of_folding(holding.number)
        partition.next_offset = max(next_offset, records[-1].offset + 1)
        holding.noted_batch()

    def _reject(self, holding: Holding, record: Record, bad: BadRecord) -> None:
        letter = make_dead_letter(record, bad.reason, str(bad), self._wall.now(0))
        holding.dead_letters.append(letter)
        self._complaints.tell(record, bad.reason)

    def _tell_of_folding(self, number: int) -> None:
        """Once in a worker's life: the metric counts how many."""
        if self._told_of_folding:
            return
        self._told_of_folding = True
        log.error(
            "state=folding_queues partition=%d limit=%d reason=more queue names than "
            "limits.queues: further ones count as %s; names under `queues` in the "
            "configuration are always kept apart",
            number,
            self._max_queues,
            OTHER_QUEUE,
        )
