"""Batches against the state: epochs, gaps, repeats, dead letters, checkpoints."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import pytest

from monitor.clocks import EventClock, WallClock
from monitor.config import Settings
from monitor.core.events import Event, Kind
from monitor.core.rules import Rules
from monitor.pipeline.batches import Batch, Flow, Record
from monitor.pipeline.checkpoints import Checkpoint
from monitor.pipeline.contacts import RECORDS_A_TURN, Contacts
from monitor.pipeline.fatal import GapError, LogBehindStateError
from monitor.pipeline.holding import CATCHING_UP_MS, Holding
from monitor.pipeline.holdings import Holdings
from monitor.pipeline.homes import Homes
from monitor.pipeline.mirror import Bounds, Mirror
from monitor.pipeline.outbox import SPREAD_HEADER
from monitor.pipeline.streams import contacts_stream
from monitor.pipeline.topics import CONTACTS
from monitor.wire.events import encode_event

AT = 1_767_250_800_000
TOPIC = "callcenter.contacts"


class FakeLog:
    """The durable side: mirrors in memory, writers that note what they commit."""

    def __init__(self, numbers: Sequence[int] = (0,)) -> None:
        self.mirrors = {number: Mirror() for number in numbers}
        self.committed: list[Checkpoint] = []
        self.claims: list[int] = []
        self.closed: list[int] = []
        self.hold: asyncio.Event | None = None

    def make_writer(self, number: int) -> "FakeWriter":
        return FakeWriter(self, number)

    async def read(
        self, _: Settings, numbers: AbstractSet[int], *__: Any
    ) -> dict[int, Mirror]:
        return {number: self.mirrors[number] for number in numbers}


class FakeWriter:
    def __init__(self, log: FakeLog, number: int) -> None:
        self.log = log
        self.number = number

    async def claim(self) -> None:
        self.log.claims.append(self.number)

    async def commit(self, checkpoint: Checkpoint) -> int:
        if self.log.hold is not None:
            await self.log.hold.wait()
        self.log.committed.append(checkpoint)
        rows = self.log.mirrors[self.number].rows
        for key, value in checkpoint.rows:
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
        return len(self.log.committed)

    async def close(self) -> None:
        self.log.closed.append(self.number)


class Bench:
    """One worker's contacts without a broker."""

    def __init__(self, log: FakeLog | None = None, **settings: Any) -> None:
        self.log = log or FakeLog()
        self.settings = Settings(**settings)
        self.holdings = Holdings(
            self.settings,
            contacts_stream(self.settings, Rules(), Homes(1)),
            make_writer=self.log.make_writer,
            read=self.log.read,
        )
        self.flow = Flow(session_seconds=10)
        self.spread: list[Record] = []
        self.contacts = Contacts(
            self.settings, self.holdings, self.flow, EventClock(), self._spread
        )

    async def _spread(self, record: Record) -> None:
        self.spread.append(record)

    async def claim(self, generation: int = 1, numbers: Sequence[int] = (0,)) -> Any:
        offsets = await self.holdings.claim(set(numbers), generation)
        self.flow.open()
        return offsets

    def holding(self, number: int = 0) -> Holding:
        found = self.holdings.get(number)
        assert found is not None
        return found

    def batch(self, start: int, *values: bytes, headers: Any = ()) -> Batch:
        records = [
            Record(TOPIC, 0, start + index, AT, b"k", value, headers)
            for index, value in enumerate(values)
        ]
        return Batch(TOPIC, 0, self.flow.epoch, start, records)

    def waiting(self) -> int:
        parts = self.holding().partition.parts(AT, everything=True)
        return sum(part.waiting for part in parts)


def queued(contact: str, queue: str = "support") -> bytes:
    return encode_event(Event(AT, Kind.QUEUED, contact, queue=queue))


async def test_a_batch_moves_state_and_offset_together() -> None:
    """What was applied and where the log goes on are one."""
    bench = Bench()
    await bench.claim()
    await bench.contacts.process(bench.batch(0, queued("a"), queued("b")))

    assert bench.waiting() == 2
    assert bench.holding().partition.next_offset == 2


async def test_a_batch_of_an_earlier_epoch_is_dropped() -> None:
    """Its records are read again from the state's offset."""
    bench = Bench()
    await bench.claim()
    batch = bench.batch(0, queued("a"))
    bench.flow.close()
    await bench.contacts.process(batch)

    assert bench.holding().partition.next_offset == 0


async def test_a_gap_is_a_bug_and_never_gone_over() -> None:
    """Records between the state and the batch would be lost."""
    bench = Bench()
    await bench.claim()

    with pytest.raises(GapError, match="state is at offset 0, the batch begins at 1"):
        await bench.contacts.process(bench.batch(1, queued("a")))


async def test_records_that_are_in_the_state_are_skipped() -> None:
    """A batch may begin before the state."""
    bench = Bench()
    await bench.claim()
    await bench.contacts.process(bench.batch(0, queued("a"), queued("b")))
    await bench.contacts.process(bench.batch(0, queued("a"), queued("b"), queued("c")))

    counts = bench.holding().partition.counts

    assert (counts.read, counts.duplicate) == (3, 0)
    assert bench.waiting() == 3


async def test_a_large_batch_stops_where_its_epoch_ends() -> None:
    """Between turns partitions may be revoked; state and offset agree even then."""
    bench = Bench()
    await bench.claim()
    batch = bench.batch(0, *(queued(f"c{n}") for n in range(2_500)))
    asyncio.get_running_loop().call_soon(bench.flow.close)
    await bench.contacts.process(batch)

    assert bench.holding().partition.next_offset == RECORDS_A_TURN
    assert bench.waiting() == RECORDS_A_TURN


async def test_a_bad_record_is_committed_with_the_offset_that_covers_it() -> None:
    """One transaction: the dead letter, its count and the offset."""
    bench = Bench()
    await bench.claim()
    await bench.contacts.process(bench.batch(0, b"{", queued("a")))
    await bench.holding().checkpoint()
    (checkpoint,) = bench.log.committed
    (letter,) = checkpoint.dead_letters

    assert checkpoint.offset == 2
    assert (letter.key, letter.value) == (b"k", b"{")
    assert ("reason", b"not_json") in letter.headers
    assert bench.holding().partition.counts.dead_letters == {"not_json": 1}


async def test_what_was_checkpointed_is_what_the_next_owner_has() -> None:
    """State, counts and offset come back from the mirror."""
    bench = Bench()
    await bench.claim()
    await bench.contacts.process(bench.batch(0, queued("a"), queued("b")))
    await bench.holding().checkpoint()
    bench.log.mirrors[0].logs[CONTACTS] = Bounds(0, 2)
    heir = Bench(bench.log)

    assert await heir.claim() == {(CONTACTS, 0): 2}
    assert heir.waiting() == 2
    assert heir.holding().partition.counts == bench.holding().partition.counts


async def test_a_checkpoint_waits_for_the_one_before_it() -> None:
    """Two transactions of one producer can't overlap; applying goes on meanwhile."""
    bench = Bench()
    await bench.claim()
    bench.log.hold = asyncio.Event()
    await bench.contacts.process(bench.batch(0, queued("a")))
    first = bench.holding().checkpoint()
    await asyncio.sleep(0)
    await bench.contacts.process(bench.batch(1, queued("b")))
    second = bench.holding().checkpoint()
    bench.log.hold.set()
    await asyncio.gather(first, second)

    assert [checkpoint.offset for checkpoint in bench.log.committed] == [1, 2]


async def test_a_cancelled_waiter_does_not_cancel_the_transaction() -> None:
    """Faust cancels its streams at a rebalance; a commit under way goes on."""
    bench = Bench()
    await bench.claim()
    bench.log.hold = asyncio.Event()
    await bench.contacts.process(bench.batch(0, queued("a")))
    waiter = asyncio.ensure_future(bench.holding().checkpoint())
    await asyncio.sleep(0)
    waiter.cancel()
    bench.log.hold.set()
    await bench.holding().checkpoint()

    assert [checkpoint.offset for checkpoint in bench.log.committed] == [1]


async def test_nothing_new_makes_no_checkpoint() -> None:
    """A quiet partition writes nothing."""
    bench = Bench()
    await bench.claim()
    await bench.contacts.process(bench.batch(0, queued("a")))
    await bench.holding().checkpoint()
    await bench.holding().checkpoint()

    assert len(bench.log.committed) == 1
    assert bench.holding().age_ms() == 0


async def test_a_partition_is_kept_through_the_very_next_generation_only() -> None:
    """In any later one somebody else may have held it in between."""
    bench = Bench(FakeLog((0, 1)))
    await bench.claim(1, (0, 1))
    kept = bench.holding(0)
    await bench.claim(2, (0,))

    assert bench.holding(0) is kept
    assert bench.holdings.get(1) is None

    await bench.claim(4, (0,))

    assert bench.holding(0) is not kept
    assert bench.log.claims == [0, 1, 0]


async def test_a_log_that_ends_before_the_state_is_refused() -> None:
    """It was deleted and made anew: its records would be skipped without a word."""
    bench = Bench()
    await bench.claim()
    await bench.contacts.process(bench.batch(0, queued("a"), queued("b")))
    await bench.holding().checkpoint()
    bench.log.mirrors[0].logs[CONTACTS] = Bounds(0, 1)

    with pytest.raises(
        LogBehindStateError,
        match="but the log ends at 1",
    ):
        await Bench(bench.log).claim()


async def test_an_empty_state_begins_where_the_log_does() -> None:
    """Retention has removed the first records: that is no gap."""
    bench = Bench()
    bench.log.mirrors[0] = Mirror(logs={CONTACTS: Bounds(40, 50)})

    assert await bench.claim() == {(CONTACTS, 0): 40}


async def test_a_restart_of_a_source_is_copied_to_the_other_partitions_once() -> None:
    """A copy carries a header, so that it isn't copied again."""
    bench = Bench()
    await bench.claim()
    restarted = encode_event(Event(AT, Kind.SOURCE_STARTED, "", source="pbx"))
    copied = ((SPREAD_HEADER, b"1"),)
    await bench.contacts.process(bench.batch(0, restarted))
    await bench.contacts.process(bench.batch(1, restarted, headers=copied))
    await bench.holding().checkpoint()

    assert [record.offset for record in bench.spread] == [0]


async def test_a_partition_that_catches_up_lives_in_the_time_of_its_events() -> None:
    """Its contacts don't expire because their ends weren't read yet."""
    bench = Bench()
    bench.log.mirrors[0].logs[CONTACTS] = Bounds(0, 2)
    await bench.claim()
    holding = bench.holding()
    wall = WallClock(lambda: AT + CATCHING_UP_MS + 1)
    await bench.contacts.process(bench.batch(0, queued("a")))

    assert holding.now(wall, None) == AT

    await bench.contacts.process(bench.batch(1, queued("b")))

    assert holding.now(wall, None) == AT + CATCHING_UP_MS + 1


async def test_a_worker_that_stops_while_it_takes_over_ends_in_peace() -> None:
    """What it held is let go while the others are still being loaded."""
    log = FakeLog((0, 1))
    bench = Bench(log)
    await bench.claim(generation=1, numbers=(0,))
    read = log.read

    async def read_and_stop(
        settings: Settings, numbers: AbstractSet[int], *more: Any
    ) -> Any:
        await bench.holdings.close()
        return await read(settings, numbers, *more)

    bench.holdings._read = read_and_stop

    assert await bench.claim(generation=2, numbers=(0, 1)) == {
        (CONTACTS, 0): 0,
        (CONTACTS, 1): 0,
    }
