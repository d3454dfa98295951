"""Reads the durable mirrors of partitions back, and where their logs are.

Rule: a mirror is read after its partition was claimed (`CheckpointWriter.claim`): only
then can nobody else write to it. What isn't committed isn't read.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from monitor.config import Settings
from monitor.pipeline import topics
from monitor.pipeline.connection import client_arguments

RECORDS_A_TURN = 500
"""Records taken from the client at once: a few milliseconds of the event loop."""
FETCH_BYTES = 4 * 1024 * 1024


class Bounds(NamedTuple):
    """What one partition of a log has now."""

    first: int = 0
    """Its oldest offset."""
    end: int = 0
    """The offset after its newest record."""


@dataclass(slots=True)
class Mirror:
    """The mirror of one partition, and the bounds of the logs that it is made from."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    """Live rows: a row whose last value is a tombstone isn't there."""
    logs: dict[str, Bounds] = field(default_factory=dict)
    """By topic."""

    def log(self, topic: str) -> Bounds:
        """The bounds of one of its logs; of an empty one if nobody knows."""
        return self.logs.get(topic, Bounds())


async def read_mirrors(
    settings: Settings, numbers: Iterable[int], state: str, logs: Iterable[str]
) -> Mapping[int, Mirror]:
    """The mirrors of the partitions `numbers` in the topic `state`, by number.

    With the demo's embedded broker the rows are left out: what was written in a
    transaction can't be read back from it.

    Raises:
        KafkaError: the broker didn't answer.
    """
    consumer = _consumer(settings)
    await consumer.start()
    try:
        mirrors = {number: Mirror() for number in numbers}
        for topic in logs:
            await _read_bounds(consumer, mirrors, topic)
        if not settings.embedded:
            await _read_rows(consumer, mirrors, state, _every)
    finally:
        await consumer.stop()
    return mirrors


async def read_share(
    settings: Settings, number: int, end: int, keep: Callable[[bytes], bool]
) -> dict[bytes, bytes]:
    """The live rows of a partition of contacts whose keys `keep` accepts.

    Waits until what is before the offset `end` can be read.

    Raises:
        KafkaError: the broker didn't answer.
    """
    consumer = _consumer(settings)
    await consumer.start()
    try:
        mirrors = {number: Mirror()}
        await _read_rows(consumer, mirrors, topics.CONTACTS_STATE, keep, end)
    finally:
        await consumer.stop()
    return mirrors[number].rows


def _every(key: bytes) -> bool:
    del key
    return True


def _consumer(settings: Settings) -> Any:
    return AIOKafkaConsumer(
        **client_arguments(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )


async def read_ranges(
    settings: Settings, topic: str, numbers: Iterable[int], since_ms: int
) -> dict[int, tuple[int, int]]:
    """First offset at or after the instant `since_ms`, and the end, of each partition.

    With the demo's embedded broker, whose timestamps aren't real, both are the end.
    A connection of its own, because an answer waits for the fetches before it.

    Raises:
        KafkaError: the broker didn't answer.
    """
    tps = [TopicPartition(topic, number) for number in numbers]
    if not tps:
        return {}
    consumer = AIOKafkaConsumer(**client_arguments(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(tps)
        found = {}
        if not settings.embedded:
            found = await consumer.offsets_for_times(dict.fromkeys(tps, since_ms))
    finally:
        await consumer.stop()
    starts = {tp: found[tp].offset if found.get(tp) else ends[tp] for tp in tps}
    return {tp.partition: (min(starts[tp], ends[tp]), ends[tp]) for tp in tps}


async def _read_bounds(
    consumer: Any, mirrors: Mapping[int, Mirror], topic: str
) -> None:
    tps = [TopicPartition(topic, number) for number in mirrors]
    firsts = await consumer.beginning_offsets(tps)
    ends = await consumer.end_offsets(tps)
    for tp in tps:
        mirrors[tp.partition].logs[topic] = Bounds(firsts[tp], ends[tp])


async def _read_rows(
    consumer: Any,
    mirrors: Mapping[int, Mirror],
    state: str,
    keep: Callable[[bytes], bool],
    least: int = 0,
) -> None:
    tps = [TopicPartition(state, number) for number in mirrors]
    consumer.assign(tps)
    await consumer.seek_to_beginning(*tps)
    told = await consumer.end_offsets(tps)
    ends = {tp: max(least, end) for tp, end in told.items()}
    left = {tp for tp in tps if ends[tp] > 0}
    while left:
        fetched = await consumer.getmany(timeout_ms=200, max_records=RECORDS_A_TURN)
        for tp, records in fetched.items():
            rows = mirrors[tp.partition].rows
            for record in records:
                if not keep(record.key):
                    continue
                if record.value is None:
                    rows.pop(record.key, None)
                else:
                    rows[record.key] = record.value
        # The client hands over what it has without giving up its turn.
        await asyncio.sleep(0)
        left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
