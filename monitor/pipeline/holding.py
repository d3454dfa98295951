"""One source partition in the hands of this worker: its state and its checkpoints.

Rule: whoever changes the state, reads a partial of it or takes a checkpoint holds
`still`; between taking a checkpoint and its commit nothing may be forgotten, so a
checkpoint that fails ends the process.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol

from monitor.clocks import Clock
from monitor.core.partition import Partition
from monitor.pipeline.checkpoints import Checkpoint
from monitor.pipeline.dead_letters import DeadLetters
from monitor.pipeline.fatal import end_process
from monitor.wire.sample import Share, differences, sample
from monitor.wire.state import row_slices
from monitor.wire.visits import encode_visit

VISITS_A_TURN = 500
"""Visits encoded before others get a turn of the event loop."""
CATCHING_UP_MS = 5_000
"""How old a partition's newest event may be, with records unread, to be up to date."""


READ_BACK_SECONDS = 8.0
"""How long a mirror may be read while no checkpoint is made: partitions that tell
nothing for `partials.stale_after` would be stale."""

ReadShare = Callable[[int, int, Callable[[bytes], bool]], Awaitable[dict[bytes, bytes]]]
"""Reads the rows of a partition's mirror whose keys are accepted, at least up to an
offset."""


class Writer(Protocol):
    """What a holding needs of `CheckpointWriter`; tests make their own."""

    async def claim(self) -> None: ...

    async def commit(self, checkpoint: Checkpoint) -> int: ...

    async def close(self) -> None: ...


class _Taken(NamedTuple):
    """A checkpoint that isn't written yet."""

    number: int
    at: float
    forwards: Sequence[Awaitable[Any]]
    checkpoint: Checkpoint


class Holding:
    """One source partition in the hands of this worker."""

    def __init__(
        self,
        number: int,
        partition: Partition,
        writer: Writer,
        *,
        log_end: int,
        publish_visits: bool,
    ) -> None:
        """Hold partition `number` whose state is as the last checkpoint left it.

        `log_end` is the offset after the newest record when it was loaded.
        """
        self.number = number
        self.partition = partition
        self.dead_letters = DeadLetters()
        self.forwards: list[asyncio.Future[Any]] = []
        """What was sent on and must be acknowledged before the checkpoint commits."""
        self._writer = writer
        self._publish_visits = publish_visits
        self._committed_offset = partition.next_offset
        self._covered_at = time.monotonic()
        self.still = asyncio.Lock()
        """Held by whoever changes the state, and while a checkpoint is taken of it."""
        self._lock = asyncio.Lock()
        self._taken = 0
        """Numbers of the last checkpoint that was taken, and of the last committed."""
        self._committed = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._log_end = log_end
        self._batch_at = time.monotonic()

    def noted_batch(self) -> None:
        """Remember that records came just now."""
        self._batch_at = time.monotonic()

    def idle_seconds(self) -> float:
        """How long ago records came; since it was loaded, if none did."""
        return time.monotonic() - self._batch_at

    def end_of_log(self, told: int | None) -> int:
        """Offset after the newest record, as far as is known; `told` by a fetch."""
        self._log_end = max(self._log_end, told or 0)
        return self._log_end

    def now(self, clock: Clock, told_end: int | None) -> int:
        """Now for this partition: the clock's, or its events' while it catches up.

        What the clock does to contacts (crossing the threshold, expiry) is only true
        when their events up to now were read; a partition with unread records lives in
        the time of those that it has read.
        """
        watermark = self.partition.watermark
        return watermark if self.is_behind(clock, told_end) else clock.now(watermark)

    def is_behind(self, clock: Clock, told_end: int | None) -> bool:
        """Whether unread events keep the partition in their own, earlier time."""
        partition = self.partition
        unread = partition.next_offset < self.end_of_log(told_end)
        late = clock.now(partition.watermark) - partition.watermark > CATCHING_UP_MS
        # The log's last offsets can be markers that are never handed over.
        expects_records = self.idle_seconds() < CATCHING_UP_MS / 1000
        return unread and late and expects_records

    @property
    def is_due(self) -> bool:
        """Whether anything isn't in the last checkpoint."""
        return (
            self.partition.next_offset != self._committed_offset
            or self.partition.has_changes
            or bool(self.dead_letters)
        )

    def mark(self) -> int:
        """Number of the checkpoint that makes the state as it is now durable.

        Hold `still` while asking.
        """
        changed = self.partition.has_changes or bool(self.dead_letters)
        return self._taken + changed

    def is_durable(self, mark: int) -> bool:
        """Whether the checkpoint of number `mark` is committed."""
        return self._committed >= mark

    @property
    def is_committing(self) -> bool:
        """Whether a checkpoint is under way."""
        return self._lock.locked()

    def age_ms(self) -> int:
        """How long something has been waiting for a checkpoint; 0: nothing is."""
        if not self.is_due:
            self._covered_at = time.monotonic()
            return 0
        return int((time.monotonic() - self._covered_at) * 1000)

    def checkpoint(self) -> "asyncio.Future[None]":
        """Commit what is due, after a checkpoint that is under way.

        Cancelling the waiter doesn't cancel the transaction. A failure ends the
        process.
        """
        task = asyncio.create_task(self._checkpoint())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asyncio.shield(task)

    async def _checkpoint(self) -> None:
        try:
            async with self._lock:
                if self.is_due:
                    await self._commit()
        except BaseException as error:  # noqa: BLE001, ends the process
            end_process(error, f"checkpoint of partition {self.number}")

    async def compare_with_mirror(self, share: Share, read: ReadShare) -> list[str]:
        """Make a checkpoint, `read` a share of the mirror back, and say what differs.

        No other checkpoint is made meanwhile.

        Raises:
            KafkaError: the mirror couldn't be read.
            TimeoutError: nor in time.
        """
        async with self._lock:
            expected, end = await self._commit_and_sample(share)
            async with asyncio.timeout(READ_BACK_SECONDS):
                found = await read(self.number, end, share.has)
            told = differences(expected, found)
            if told:
                # Who was fenced meanwhile has read what its successor wrote.
                await self._commit_and_sample(share)
            return told

    async def _commit_and_sample(self, share: Share) -> tuple[dict[bytes, bytes], int]:
        """The rows of the share, and the offset after them."""
        rows: dict[bytes, bytes] = {}
        end = 0
        try:
            async with self.still:
                taken = await self._take()
                for some in sample(self.partition, share):
                    rows |= some
                    await asyncio.sleep(0)
            end = await self._write(taken)
        except BaseException as error:  # noqa: BLE001, ends the process
            end_process(error, f"checkpoint of partition {self.number}")
        return rows, end

    async def _commit(self) -> None:
        async with self.still:
            taken = await self._take()
        await self._write(taken)

    async def _write(self, taken: _Taken) -> int:
        for forward in taken.forwards:
            await forward
        end = await self._writer.commit(taken.checkpoint)
        self._committed_offset = taken.checkpoint.offset
        self._committed = taken.number
        self._covered_at = taken.at
        return end

    async def _take(self) -> _Taken:
        """What is due, of one moment: `still` is held while others get their turns."""
        at = time.monotonic()
        self._taken += 1
        number = self._taken
        forwards, self.forwards = self.forwards, []
        letters, self.dead_letters = self.dead_letters, DeadLetters()
        offset = self.partition.next_offset
        finished = self.partition.finished()
        rows: list[tuple[bytes, bytes | None]] = []
        for slice_of_rows in row_slices(self.partition):
            rows += slice_of_rows
            await asyncio.sleep(0)
        visits = []
        if self._publish_visits:
            for count, visit in enumerate(finished, start=1):
                visits.append((visit.contact.encode(), encode_visit(visit)))
                if not count % VISITS_A_TURN:
                    await asyncio.sleep(0)
        checkpoint = Checkpoint(offset, rows, visits, letters)
        return _Taken(number, at, forwards, checkpoint)

    async def close(self) -> None:
        """Let the partition go, after a checkpoint that is under way."""
        async with self._lock:
            await self._writer.close()
