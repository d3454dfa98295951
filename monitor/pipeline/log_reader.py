"""Reads a log between two offsets: a consumer without a group, for commands that look.

Rule: only committed records, and nothing is skipped: where retention has removed what
was asked for, the reading fails instead of going on behind the gap.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.config import Settings
from monitor.pipeline.connection import client_arguments
from monitor.pipeline.mirror import FETCH_BYTES
from monitor.pipeline.topics import KafkaUnreachableError, TopicsRefusedError

RECORDS_A_TURN = 2_000
DEADLINE_SECONDS = 30.0
"""How long Kafka may leave a single question without an answer."""
FETCH_WAIT_MS = 100
"""How long a fetch may wait at the end of a log; what is asked then waits for it."""

Answer = TypeVar("Answer")


class Bounds(NamedTuple):
    """What a partition's log holds."""

    first: int
    """Oldest offset that is still there."""
    end: int
    """Offset that no open transaction reaches; all before it is decided."""


class LogReader:
    """One connection that reads one partition after the other."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        """Read with `consumer`, which is started; `open_reader` makes one."""
        self._consumer = consumer

    async def bounds(self, tp: TopicPartition) -> Bounds:
        """What the log of `tp` holds now."""
        firsts = await _answer(self._consumer.beginning_offsets([tp]))
        ends = await _answer(self._consumer.end_offsets([tp]))
        return Bounds(firsts[tp], ends[tp])

    async def read(
        self, tp: TopicPartition, start: int, end: int
    ) -> AsyncIterator[Sequence[Any]]:
        """The committed records of `tp` from `start` up to `end`, in slices.

        `end` must not be beyond that of `bounds`.

        Raises:
            OffsetOutOfRangeError: `start` is no longer there.
        """
        if start >= end:
            return
        consumer = self._consumer
        consumer.assign([tp])
        consumer.seek(tp, start)
        position = start
        while position < end:
            records: Sequence[Any] = ()
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not records and position < end:
                    fetched = await consumer.getmany(
                        tp, timeout_ms=200, max_records=RECORDS_A_TURN
                    )
                    records = fetched.get(tp, ())
                    # Beyond the last record there may be a transaction's end.
                    position = await consumer.position(tp)
            yield [record for record in records if record.offset < end]


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[LogReader]:
    """A connection to read with, closed in any case.

    Kafka's errors in the block are raised as the two that commands tell of.

    Raises:
        KafkaUnreachableError: no server answers.
        TopicsRefusedError: Kafka doesn't let this user ask.
    """
    consumer = AIOKafkaConsumer(
        **client_arguments(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    async with _told_errors(settings):
        try:
            await _answer(consumer.start())
            yield LogReader(consumer)
        finally:
            await consumer.stop()


async def count_partitions(settings: Settings, names: Sequence[str]) -> list[int]:
    """How many partitions each of the topics `names` has.

    Raises:
        KafkaUnreachableError: no server answers.
        TopicsRefusedError: a topic isn't there, or Kafka doesn't let this user ask.
    """
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    async with _told_errors(settings):
        try:
            await _answer(admin.start())
            # All topics: asking for one by name could make it.
            described = await _answer(admin.describe_topics())
        finally:
            await admin.close()
    counts = {topic["topic"]: len(topic["partitions"]) for topic in described}
    for name in names:
        if not counts.get(name):
            raise TopicsRefusedError(
                f"there is no topic {name}: `ccmon topics create` makes it"
            )
    return [counts[name] for name in names]


@asynccontextmanager
async def _told_errors(settings: Settings) -> AsyncIterator[None]:
    """Kafka's errors as the two that commands tell of."""
    quiet = logging.getLogger("aiokafka")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # the error that is raised says it once
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        reason = str(error) or f"no answer ({type(error).__name__})"
        if "Authorization" in type(error).__name__:
            raise TopicsRefusedError(reason) from error
        raise KafkaUnreachableError(
            f"Kafka at {settings.bootstrap} can't be reached or doesn't answer: "
            f"{reason}"
        ) from error
    finally:
        quiet.setLevel(level)


async def _answer(asked: Awaitable[Answer]) -> Answer:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await asked
