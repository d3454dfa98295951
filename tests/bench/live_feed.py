"""A process that sends contact events as they happen, at a steady rate.

Rule: an event is stamped with the instant at which it is due, and sent then; if the
sender can't keep up it says by how much, so that nobody takes its limit for the
worker's.
"""

import asyncio
import heapq
import multiprocessing
import random
import time
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import uvloop
from aiokafka import AIOKafkaProducer

from monitor.pipeline.topics import CONTACTS

STEP_SECONDS = 0.05
EVENTS_PER_CONTACT = 3.86
"""Queued, then abandoned (7 %), or answered, ended and wrapped up."""
WAIT_SECONDS = 15.0
TALK_SECONDS = 30.0
ACW_SECONDS = 10.0
LONGEST = 3
"""No part of a contact takes longer than this many times its mean, so that a run ends
soon after its last contact came."""
START_METHOD = multiprocessing.get_context("spawn")


class LiveFeed:
    """The process; `sent` and `late` tell how it gets on."""

    def __init__(
        self, bootstrap: str, rate: float, seconds: float, queues: int
    ) -> None:
        """Send about `rate` events a second for `seconds`."""
        self._sent = START_METHOD.Value("q", 0)
        self._offered = START_METHOD.Value("q", 0)
        self._late = START_METHOD.Value("d", 0.0)
        self._process = START_METHOD.Process(
            target=_run,
            args=(
                bootstrap,
                rate,
                seconds,
                queues,
                self._sent,
                self._offered,
                self._late,
            ),
            daemon=True,
        )

    def start(self) -> None:
        self._process.start()

    def join(self, seconds: float) -> None:
        """Wait until everything is sent, but no longer than this."""
        self._process.join(max(0.0, seconds))

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    @property
    def sent(self) -> int:
        """Events sent so far."""
        return int(self._sent.value)

    @property
    def offered(self) -> int:
        """Contacts that queued so far."""
        return int(self._offered.value)

    @property
    def late(self) -> float:
        """How many seconds behind its schedule it is."""
        return float(self._late.value)


def _run(
    bootstrap: str,
    rate: float,
    seconds: float,
    queues: int,
    sent: Any,
    offered: Any,
    late: Any,
) -> None:
    uvloop.run(_send(bootstrap, rate, seconds, queues, sent, offered, late))


async def _send(
    bootstrap: str,
    rate: float,
    seconds: float,
    queues: int,
    sent: Any,
    offered: Any,
    late: Any,
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, linger_ms=0, max_batch_size=900_000
    )
    await producer.start()
    partitions = len(await producer.partitions_for(CONTACTS))
    chance = random.Random(1)
    pending: list[tuple[int, str, bytes]] = []
    began = time.time()
    serial = 0
    per_second = rate / EVENTS_PER_CONTACT
    try:
        while (now := time.time()) < began + seconds or pending:
            due = min(now - began, seconds) * per_second
            while serial < due:
                at = int(1000 * (began + serial / per_second))
                for event in _contact(chance, f"{int(began)}-{serial}", at, queues):
                    heapq.heappush(pending, event)
                serial += 1
            sent.value += await _send_due(
                producer, pending, int(now * 1000), partitions
            )
            offered.value = serial
            late.value = time.time() - now
            await asyncio.sleep(max(0.0, STEP_SECONDS - late.value))
        await producer.flush()
    finally:
        await producer.stop()


async def _send_due(
    producer: Any, pending: list[tuple[int, str, bytes]], now: int, partitions: int
) -> int:
    """Send what is due, one batch a partition: a tenth of the cost of single sends."""
    batches: dict[int, Any] = {}
    count = 0
    while pending and pending[0][0] <= now:
        _, contact, value = heapq.heappop(pending)
        key = contact.encode()
        number = crc32(key) % partitions
        batch = batches.get(number)
        if batch is None:
            batch = batches[number] = producer.create_batch()
        if batch.append(key=key, value=value, timestamp=None) is None:
            await producer.send_batch(batch, CONTACTS, partition=number)
            batch = batches[number] = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
        count += 1
    for number, batch in batches.items():
        await producer.send_batch(batch, CONTACTS, partition=number)
    return count


def _contact(
    chance: random.Random, contact: str, at: int, queues: int
) -> Iterator[tuple[int, str, bytes]]:
    queue = f"q{chance.randrange(queues):04d}"
    agent = f"a{chance.randrange(5_000):05d}"

    def event(instant: int, kind: str, more: str = "") -> tuple[int, str, bytes]:
        text = (
            f'{{"type":"contact.{kind}","at":{instant},"contact":"{contact}",'
            f'"queue":"{queue}","channel":"voice","source":"pbx:1",'
            f'"id":"{contact}-{kind}"{more}}}'
        )
        return instant, contact, text.encode()

    yield event(at, "queued")
    answered = at + _lasting(chance, WAIT_SECONDS)
    if chance.random() < 0.07:
        yield event(answered, "abandoned")
        return
    ended = answered + 1 + _lasting(chance, TALK_SECONDS)
    worked = ended + 1 + _lasting(chance, ACW_SECONDS)
    who = f',"agent":"{agent}"'
    yield event(answered, "answered", who)
    yield event(ended, "ended", f'{who},"wrap_up":true')
    yield event(worked, "wrapped_up", who)


def _lasting(chance: random.Random, mean: float) -> int:
    return int(1000 * min(chance.expovariate(1 / mean), LONGEST * mean))
