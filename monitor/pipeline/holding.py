"""One source partition of contacts in the hands of this worker.

Rule: as for whatever is held (`held`). A partition with unread records lives in the
time of those that it has read. What changed contacts say of people goes into the
checkpoint's own transaction, so it is told once, and durable as soon as it is told.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from monitor.clocks import Clock
from monitor.core.contact import Contact
from monitor.core.partition import Partition
from monitor.core.people.engagement import Telling
from monitor.core.people.following import all_told
from monitor.core.visit_record import VisitRecord
from monitor.pipeline import topics
from monitor.pipeline.checkpoints import Checkpoint
from monitor.pipeline.fatal import end_process
from monitor.pipeline.held import Held, Taken, Writer
from monitor.pipeline.homes import Homes
from monitor.wire.activity import Activity, encode_activity, encode_telling
from monitor.wire.sample import Share, differences, sample
from monitor.wire.state import row_slices
from monitor.wire.visits import encode_visit

VISITS_A_TURN = 500
"""Visits encoded before others get a turn of the event loop."""
TELLINGS_A_TURN = 300
TOLD_SECONDS = 5.0
"""How often a partition of people hears at least how far contacts were read."""
CATCHING_UP_MS = 5_000
"""How old a partition's newest event may be, with records unread, to be up to date."""
READ_BACK_SECONDS = 8.0
"""How long a mirror may be read while no checkpoint is made: partitions that tell
nothing for `partials.stale_after` would be stale."""

ReadShare = Callable[[int, int, Callable[[bytes], bool]], Awaitable[dict[bytes, bytes]]]
"""Reads the rows of a partition's mirror whose keys are accepted, at least up to an
offset."""


class Holding(Held):
    """One source partition of contacts."""

    def __init__(
        self,
        number: int,
        partition: Partition,
        writer: Writer,
        *,
        log_end: int,
        publish_visits: bool,
        homes: Homes | None,
        publish: Callable[[int, bytes], Awaitable[object]] | None = None,
    ) -> None:
        """Hold partition `number` whose state is as the last checkpoint left it.

        `log_end` is the offset after the newest record when it was loaded; `homes` says
        where people are, None that nobody is told of them. With `publish` what contacts
        say of them isn't part of the transaction, but sent after it: the embedded
        broker can't read transactions.
        """
        self.partition = partition
        self.unread = False
        """Whether unread events were waiting when time passed last: people live in the
        time of what is read, however little that is behind; else nearly every change of
        theirs would be a correction."""
        super().__init__(number, writer)
        self._publish_visits = publish_visits
        self._log_end = log_end
        self._homes = homes
        self._publish = publish
        self._told_at: dict[int, float] = {}
        self._told_behind = set(homes.all() if homes and partition.watermark else ())
        """Partitions of people that may believe unread events to be waiting: an earlier
        owner may have told any of them so."""

    # -- the log and its time -------------------------------------------------------

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
        self.unread = unread and expects_records
        return self.unread and late

    # -- checkpoints ------------------------------------------------------------------

    @property
    def progress(self) -> int:
        return self.partition.next_offset

    @property
    def offsets(self) -> Mapping[str, int]:
        return {topics.CONTACTS: self.partition.next_offset}

    @property
    def has_changes(self) -> bool:
        # Who was told that this is behind lives in its time until told otherwise, also
        # when no event comes any more.
        over = bool(self._told_behind) and not self.unread
        return over or self.partition.has_changes

    async def gather(self) -> Checkpoint:
        partition = self.partition
        offset = partition.next_offset
        finished = partition.gone.visits()
        activity = await self._activity(partition.dirty.values())
        rows: list[tuple[bytes, bytes | None]] = []
        for slice_of_rows in row_slices(partition):
            rows += slice_of_rows
            await asyncio.sleep(0)
        visits = await self._visits(finished) if self._publish_visits else []
        return Checkpoint(offset, rows, visits, [], activity)

    async def _visits(
        self, finished: Iterable[VisitRecord]
    ) -> list[tuple[bytes, bytes]]:
        visits = []
        for count, visit in enumerate(finished, start=1):
            visits.append((visit.contact.encode(), encode_visit(visit)))
            if not count % VISITS_A_TURN:
                await asyncio.sleep(0)
        return visits

    async def _activity(
        self, changed: Iterable[Contact | None]
    ) -> dict[int, list[bytes]]:
        """What contacts say now, by the partition of the people whom it concerns.

        Every partition hears now and then how far the log was read, also when nobody
        there is concerned.
        """
        partition = self.partition
        tellings = all_told(partition.gone.words(), changed)
        if self._homes is None:
            return {}
        told: dict[int, list[bytes]] = {target: [] for target in self._homes.all()}
        for count, telling in enumerate(tellings, start=1):
            for target, message in _routed(telling, self._homes):
                told[target].append(message)
            if not count % TELLINGS_A_TURN:
                await asyncio.sleep(0)
        now = time.monotonic()
        silent_since = now - TOLD_SECONDS
        due = {t for t in told if self._told_at.get(t, -TOLD_SECONDS) <= silent_since}
        due.update(target for target, messages in told.items() if messages)
        if self.unread:
            self._told_behind |= due
        else:
            due |= self._told_behind
            self._told_behind = set()
        self._told_at |= dict.fromkeys(due, now)
        head = Activity(
            source=self.number,
            watermark=partition.watermark,
            now=partition.now,
            behind=self.unread,
        )
        return {
            target: list(encode_activity(head, told[target])) for target in sorted(due)
        }

    async def write(self, taken: Taken) -> int:
        activity = taken.checkpoint.activity
        if self._publish is None:
            return await super().write(taken)
        alone = taken._replace(checkpoint=taken.checkpoint._replace(activity={}))
        end = await super().write(alone)
        for target, messages in activity.items():
            for message in messages:
                await self._publish(target, message)
        return end

    # -- self-check -------------------------------------------------------------------

    async def compare_with_mirror(self, share: Share, read: ReadShare) -> list[str]:
        """Make a checkpoint, `read` a share of the mirror back, and say what differs.

        No other checkpoint is made meanwhile.

        Raises:
            KafkaError: the mirror couldn't be read.
            TimeoutError: nor in time.
        """
        async with self.lock:
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
                taken = await self.take()
                for some in sample(self.partition, share):
                    rows |= some
                    await asyncio.sleep(0)
            end = await self.write(taken)
        except BaseException as error:  # noqa: BLE001, ends the process
            end_process(error, self.doing)
        return rows, end


def _routed(telling: Telling, homes: Homes) -> Iterable[tuple[int, bytes]]:
    """The telling for each partition that it concerns, with its own people."""
    home_of = homes.home_of
    agents = [each.agent for each in telling.engagements]
    for target in {home_of(agent) for agent in (*agents, *telling.others)}:
        own = [e for e in telling.engagements if home_of(e.agent) == target]
        yield target, encode_telling(telling, own)
