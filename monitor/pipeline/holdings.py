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
from typing import Any

from monitor.config import Settings
from monitor.core.rules import Rules
from monitor.pipeline import topics
from monitor.pipeline.checkpoints import Checkpoint, CheckpointWriter
from monitor.pipeline.fatal import ForeignStateError, LogBehindStateError
from monitor.pipeline.holding import Holding, Writer
from monitor.pipeline.mirror import Mirror, read_mirrors
from monitor.wire.migrations import STATE_VERSION, changes, migrated
from monitor.wire.state import restore

log = logging.getLogger(__name__)

ReadMirrors = Callable[[Settings, AbstractSet[int]], Any]


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
        # Not asked of `_held` afterwards: a worker that stops meanwhile lets go of all.
        claimed = {number: self._held[number] for number in kept}
        loaded = await self._load(fresh) if fresh else {}
        self._held.update(loaded)
        claimed |= loaded
        self._generation = generation
        log.info(
            "stream=contacts generation=%d held=%s loaded=%s seconds=%.2f",
            generation,
            _list(numbers),
            _list(fresh),
            time.monotonic() - started,
        )
        return {n: holding.partition.next_offset for n, holding in claimed.items()}

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
            await _migrate(number, partition.next_offset, writer, mirror)
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


async def _migrate(number: int, offset: int, writer: Writer, mirror: Mirror) -> None:
    """Make the mirror one of this release's version, whole or not at all."""
    rows = await asyncio.to_thread(migrated, mirror.rows)
    if rows is mirror.rows:
        return
    log.info(
        "partition=%d doing=migration version=%d rows=%d",
        number,
        STATE_VERSION,
        len(rows),
    )
    await writer.commit(Checkpoint(offset, changes(mirror.rows, rows), [], []))


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
