"""The source partitions that this worker holds: claimed, loaded, checkpointed.

Rule: a partition's state is trusted without reading its mirror only if this worker held
it in the generation just before; in any other case it is claimed (which fences whoever
held it) and loaded afresh.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from monitor.clocks import Clock
from monitor.config import Settings
from monitor.core.partition import Partition
from monitor.core.rules import Rules
from monitor.pipeline import topics
from monitor.pipeline.checkpoints import Checkpoint, CheckpointWriter
from monitor.pipeline.dead_letters import DeadLetters
from monitor.pipeline.fatal import (
    ForeignStateError,
    LogBehindStateError,
    end_process,
)
from monitor.pipeline.mirror import Mirror, read_mirrors
from monitor.wire.state import restore, row_slices
from monitor.wire.visits import encode_visit

log = logging.getLogger(__name__)


class Writer(Protocol):
    """What a holding needs of `CheckpointWriter`; tests make their own."""

    async def claim(self) -> None: ...

    async def commit(self, checkpoint: Checkpoint) -> None: ...

    async def close(self) -> None: ...


VISITS_A_TURN = 500
"""Visits encoded before others get a turn of the event loop."""
CATCHING_UP_MS = 5_000
"""How old a partition's newest event may be, with records unread, to be up to date."""

ReadMirrors = Callable[[Settings, AbstractSet[int]], Any]


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
        partition = self.partition
        now = clock.now(partition.watermark)
        unread = partition.next_offset < self.end_of_log(told_end)
        behind = unread and now - partition.watermark > CATCHING_UP_MS
        # The log's last offsets can be markers that are never handed over.
        expects_records = self.idle_seconds() < CATCHING_UP_MS / 1000
        return partition.watermark if behind and expects_records else now

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

    async def _commit(self) -> None:
        taken_at = time.monotonic()
        async with self.still:
            self._taken += 1
            taken = self._taken
            forwards, self.forwards = self.forwards, []
            checkpoint = await self._take()
        for forward in forwards:
            await forward
        await self._writer.commit(checkpoint)
        self._committed_offset = checkpoint.offset
        self._committed = taken
        self._covered_at = taken_at

    async def _take(self) -> Checkpoint:
        """What is due, of one moment: `still` is held while others get their turns."""
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
        return Checkpoint(offset=offset, rows=rows, visits=visits, dead_letters=letters)

    async def close(self) -> None:
        """Let the partition go, after a checkpoint that is under way."""
        async with self._lock:
            await self._writer.close()


class Holdings:
    """All source partitions of this worker, by number."""

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        *,
        make_writer: Callable[[int], Writer] | None = None,
        read: ReadMirrors = read_mirrors,
    ) -> None:
        """Hold nothing yet. `make_writer` and `read` are the ways to Kafka."""
        self._settings = settings
        self._rules = rules
        self._make_writer = make_writer or (
            lambda number: CheckpointWriter(settings, "contacts", number)
        )
        self._read = read
        self._held: dict[int, Holding] = {}
        self._generation: int | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Holding]:
        return iter(list(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    def get(self, number: int) -> Holding | None:
        """The holding of partition `number`; None: this worker doesn't hold it."""
        return self._held.get(number)

    def idle_seconds(self) -> float:
        """How long ago records came for any partition."""
        return min((holding.idle_seconds() for holding in self), default=0.0)

    async def claim(
        self, numbers: AbstractSet[int], generation: int
    ) -> Mapping[int, int]:
        """Hold exactly the partitions `numbers` in `generation`.

        Returns:
            The source offset at which each partition goes on.

        Raises:
            KafkaError: the broker didn't answer; claim again.
            UnknownStateVersion: the mirror was written by a newer version.
            LogBehindStateError: the log isn't the one that the state was made from.
        """
        started = time.monotonic()
        kept = self._kept(numbers, generation)
        for number in self._held.keys() - kept:
            self._let_go(self._held.pop(number))
        fresh = numbers - kept
        loaded = await self._load(fresh) if fresh else {}
        self._held.update(loaded)
        self._generation = generation
        log.info(
            "stream=contacts generation=%d held=%s loaded=%s seconds=%.2f",
            generation,
            _list(numbers),
            _list(fresh),
            time.monotonic() - started,
        )
        return {number: self._held[number].partition.next_offset for number in numbers}

    def _kept(self, numbers: AbstractSet[int], generation: int) -> set[int]:
        if self._generation is None or generation != self._generation + 1:
            return set()
        return set(numbers & self._held.keys())

    def _let_go(self, holding: Holding) -> None:
        task = asyncio.create_task(holding.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _load(self, numbers: AbstractSet[int]) -> dict[int, Holding]:
        writers = {number: self._make_writer(number) for number in sorted(numbers)}
        try:
            await asyncio.gather(*(writer.claim() for writer in writers.values()))
            mirrors = await self._read(self._settings, numbers)
            return {
                number: await self._make(number, writer, mirrors[number])
                for number, writer in writers.items()
            }
        except BaseException:
            await asyncio.gather(*(writer.close() for writer in writers.values()))
            raise

    async def _make(self, number: int, writer: Writer, mirror: Mirror) -> Holding:
        # In a thread: a large state takes longer than others may wait for a turn.
        partition = await asyncio.to_thread(restore, self._rules, mirror.rows.items())
        if mirror.rows:
            _check_owner(number, partition.owner, self._settings.app)
            _check_log(number, partition.next_offset, mirror)
        partition.owner = self._settings.app
        partition.next_offset = max(partition.next_offset, mirror.first)
        return Holding(
            number,
            partition,
            writer,
            log_end=mirror.end,
            publish_visits=self._settings.visits.publish,
        )

    async def close(self) -> None:
        """Checkpoint and let go of everything."""
        await asyncio.gather(*(holding.checkpoint() for holding in self))
        for holding in self:
            self._let_go(self._held.pop(holding.number))
        await asyncio.gather(*self._closing)


def _check_owner(number: int, owner: str, app: str) -> None:
    if owner != app:
        raise ForeignStateError(
            f"the state of partition {number} in {topics.CONTACTS_STATE} was written "
            f"by the app {owner!r}, this is {app!r}; one Kafka holds one app's state. "
            f"Run with --app {owner}, or delete the topic to count anew"
        )


def _check_log(number: int, offset: int, mirror: Mirror) -> None:
    if offset > mirror.end:
        raise LogBehindStateError(
            f"the state of partition {number} is at offset {offset}, but the log ends "
            f"at {mirror.end}: it was deleted and made anew. Delete the topic "
            f"{topics.CONTACTS_STATE} as well, to count anew"
        )
    if offset < mirror.first:
        log.error(
            "partition=%d lost_records=%d first=%d state_at=%d reason=the log's "
            "retention removed records before they were counted",
            number,
            mirror.first - offset,
            mirror.first,
            offset,
        )


def _list(numbers: AbstractSet[int]) -> str:
    return ",".join(map(str, sorted(numbers))) or "none"
