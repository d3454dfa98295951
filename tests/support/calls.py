"""Calls without an end, sent at any rate and stamped with the instant of sending.

Rule: calls are drawn from a seed, tick by tick; whoever knows the instants of the ticks
can tell all events again, so that millions of them need not be remembered.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from monitor.core.events import Event, Kind
from monitor.pipeline.topics import CONTACTS

PARTITIONS = 4
QUEUES = 50
AGENTS = 500
SOURCE = "asterisk:pbx1"
TICKS_A_SECOND = 50
WAIT_TICKS = 0.5 * TICKS_A_SECOND
TALK_TICKS = 1.0 * TICKS_A_SECOND
BACKLOG_TICK = 2_000
"""Records of a tick when it goes as fast as it can."""


Ticks = list[tuple[int, int]]
"""Instant and number of records of each tick: enough to tell its events again."""


class Step(NamedTuple):
    """One thing that happens to a call."""

    kind: Kind
    serial: int
    queue: int
    agent: int


class Calls:
    """Seeded calls without an end: the same ticks give the same calls."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._due: defaultdict[int, list[Step]] = defaultdict(list)
        self._tick = 0
        self._serial = 0

    def tick(self, count: int) -> list[Step]:
        """What happens next: what is due, and as many new calls as make `count`."""
        tick, chance, due = self._tick, self._chance, self._due
        self._tick += 1
        steps = due.pop(tick, [])
        for _ in range(count - len(steps)):
            self._serial += 1
            call = (self._serial, chance.randrange(QUEUES), chance.randrange(AGENTS))
            steps.append(Step(Kind.QUEUED, *call))
            end_of_wait = tick + 1 + int(chance.expovariate(1 / WAIT_TICKS))
            if chance.random() < 0.07:
                due[end_of_wait].append(Step(Kind.ABANDONED, *call))
                continue
            due[end_of_wait].append(Step(Kind.ANSWERED, *call))
            end = end_of_wait + 1 + int(chance.expovariate(1 / TALK_TICKS))
            due[end].append(Step(Kind.ENDED, *call))
        return steps


NAMES = {
    Kind.QUEUED: b"queued",
    Kind.ABANDONED: b"abandoned",
    Kind.ANSWERED: b"answered",
    Kind.ENDED: b"ended",
}
PLAIN = (
    b'{"id":"c%09d-%b","type":"contact.%b","contact":"c%09d","channel":"voice",'
    b'"queue":"q%05d","at":%d,"source":"' + SOURCE.encode() + b'"}'
)
WITH_AGENT = PLAIN[:-1] + b',"agent":"a%05d"}'


def record_of(step: Step, at: int) -> bytes:
    """The record of a step that happens at `at`."""
    kind, serial, queue, agent = step
    name = NAMES[kind]
    if kind in (Kind.QUEUED, Kind.ABANDONED):
        return PLAIN % (serial, name, name, serial, queue, at)
    return WITH_AGENT % (serial, name, name, serial, queue, at, agent)


def event_of(step: Step, at: int) -> Event:
    """The same as the core has it."""
    kind, serial, queue, agent = step
    contact = f"c{serial:09}"
    return Event(
        at,
        kind,
        contact,
        id=f"{contact}-{NAMES[kind].decode()}",
        queue=f"q{queue:05}",
        agent="" if kind in (Kind.QUEUED, Kind.ABANDONED) else f"a{agent:05}",
        source=SOURCE,
    )


class Load:
    """Sends calls, and remembers when, so that they can be told again."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.sent = 0
        self._producer = producer
        self._calls = Calls()
        self.ticks: Ticks = []

    async def backlog(self, count: int) -> None:
        """Send `count` records as fast as it goes."""
        acknowledged: list[asyncio.Future[Any]] = []
        for _ in range(count // BACKLOG_TICK):
            acknowledged += await self._tick(BACKLOG_TICK)
        await asyncio.gather(*acknowledged)

    async def flood(self, per_second: float, seconds: float) -> float:
        """Send that many for so long; how many a second it really were."""
        acknowledged: list[asyncio.Future[Any]] = []
        before, began = self.sent, time.monotonic()
        for number in range(int(seconds * TICKS_A_SECOND)):
            ahead = began + number / TICKS_A_SECOND - time.monotonic()
            await asyncio.sleep(max(0.0, ahead))
            acknowledged += await self._tick(round(per_second / TICKS_A_SECOND))
            if time.monotonic() - began > seconds:
                break
        await asyncio.gather(*acknowledged)
        return (self.sent - before) / (time.monotonic() - began)

    async def _tick(self, count: int) -> list["asyncio.Future[Any]"]:
        at = time.time_ns() // 1_000_000
        steps = self._calls.tick(count)
        self.ticks.append((at, count))
        self.sent += len(steps)
        acknowledged: list[asyncio.Future[Any]] = []
        batches = [self._producer.create_batch() for _ in range(PARTITIONS)]
        for step in steps:
            key = b"c%09d" % step.serial
            value = record_of(step, at)
            batches[step.serial % PARTITIONS].append(
                key=key, value=value, timestamp=None
            )
        for partition, batch in enumerate(batches):
            if batch.record_count():
                acknowledged.append(
                    await self._producer.send_batch(
                        batch, CONTACTS, partition=partition
                    )
                )
        return acknowledged


def events_of(ticks: Ticks) -> Iterator[Event]:
    """Everything that was sent, in order."""
    calls = Calls()
    for at, count in ticks:
        for step in calls.tick(count):
            yield event_of(step, at)
