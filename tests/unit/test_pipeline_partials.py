"""Partials: what is told, and when: never before it is durable."""

import asyncio
from typing import Any

from monitor.clocks import Clock, EventClock, WallClock
from monitor.core.merge import Merge
from monitor.core.rules import default_queue_rules
from monitor.core.view import PartitionPart
from monitor.pipeline.partials import Partials
from monitor.pipeline.targets import QUEUES_A_MESSAGE
from monitor.wire.partials import decode_part
from tests.unit.test_pipeline_contacts import AT, Bench, FakeLog, queued


class Told:
    """Partials of a bench's partitions, and what they told so far."""

    def __init__(
        self, bench: Bench, clock: Clock | None = None, end_of_log: int | None = None
    ) -> None:
        self.parts: list[PartitionPart] = []
        self.partials = Partials(
            bench.settings,
            bench.holdings,
            clock or EventClock(),
            lambda _: end_of_log,
            self._send,
            1,
        )

    async def _send(
        self, topic: str, key: bytes, value: bytes, *, partition: int
    ) -> None:
        self.parts.append(decode_part(value))

    async def tick(self) -> None:
        await self.partials.tick()
        for _ in range(20):  # turns for what runs on its own
            await asyncio.sleep(0)


async def told_of(*contacts: str, log: FakeLog | None = None) -> tuple[Bench, Told]:
    bench = Bench(log)
    await bench.claim()
    told = Told(bench)
    await bench.contacts.process(bench.batch(0, *map(queued, contacts)))
    return bench, told


def offered(part: PartitionPart) -> Any:
    return sum(queue.total["offered"] for queue in part.queues)


async def test_nothing_is_told_before_its_checkpoint_is_committed() -> None:
    """Else a worker that dies has shown what its successor doesn't know."""
    log = FakeLog()
    log.hold = asyncio.Event()
    _, told = await told_of("a", "b", log=log)
    await told.tick()

    assert told.parts == []
    assert log.committed == []
    log.hold.set()
    await told.tick()
    assert len(log.committed) == 1
    assert (offered(told.parts[0]), told.parts[0].offset) == (2, 2)


async def test_what_comes_while_a_partial_waits_is_told_by_the_next() -> None:
    """At most one waits, however long the broker takes."""
    log = FakeLog()
    log.hold = asyncio.Event()
    bench, told = await told_of("a", log=log)
    await told.tick()
    await bench.contacts.process(bench.batch(1, queued("b")))
    await told.tick()
    await told.tick()

    assert told.parts == []
    log.hold.set()
    await told.tick()
    await told.tick()
    assert [(offered(part), part.offset) for part in told.parts] == [(1, 1), (2, 2)]


async def test_what_the_clock_alone_changed_is_durable_before_it_is_told() -> None:
    """The offset is the same then, and the numbers aren't."""
    log = FakeLog()
    bench, told = await told_of("a", log=log)
    await told.tick()
    partition = bench.holding().partition
    partition.advance(partition.watermark + 60_000)
    log.hold = asyncio.Event()
    await told.tick()

    assert len(told.parts) == 1
    log.hold.set()
    await told.tick()
    assert told.parts[-1].queues[0].total["crossed"] == 1
    assert len(log.committed) == 2


async def test_an_idle_partition_is_told_of_without_a_checkpoint() -> None:
    """A sign of life costs no transaction."""
    bench = Bench()
    await bench.claim()
    told = Told(bench)
    await told.tick()

    assert [part.complete for part in told.parts] == [True]
    assert bench.log.committed == []


async def test_more_queues_than_a_message_takes_are_told_in_pieces() -> None:
    """Kafka takes messages up to a size, and a center may have thousands of queues."""
    bench = Bench()
    await bench.claim()
    told = Told(bench)
    events = [queued(f"c{n}", queue=f"q{n}") for n in range(QUEUES_A_MESSAGE + 1)]
    await bench.contacts.process(bench.batch(0, *events))
    await told.tick()
    await told.tick()

    assert [(part.piece, part.pieces) for part in told.parts] == [(0, 2), (1, 2)]
    assert [len(part.queues) for part in told.parts] == [QUEUES_A_MESSAGE, 1]
    merge = Merge(1, default_queue_rules, 10_000)
    assert [merge.accept(part, 0) for part in told.parts] == [False, True]
    assert len(merge.queues()) == QUEUES_A_MESSAGE + 1


async def test_a_partition_that_catches_up_says_for_when_its_numbers_hold() -> None:
    """Else a number of a minute ago is taken for one of now."""
    bench = Bench()
    await bench.claim()
    now = AT + 60_000
    told = Told(bench, WallClock(lambda: now), end_of_log=9)
    await bench.contacts.process(bench.batch(0, queued("a")))
    await told.tick()
    await told.tick()

    part = told.parts[-1]
    assert part.behind
    assert part.now == AT
