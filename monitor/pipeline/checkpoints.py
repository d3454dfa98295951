"""Checkpoints: what makes the counts exactly-once.

Rule: a checkpoint is one transaction with every changed row, the source offset that
they belong to, the visits that became final and the dead letters. Between taking them
and the commit nothing may be forgotten: a transaction that fails ends the process, and
the next owner starts from the checkpoint before it. (A later checkpoint with a newer
offset and without those rows would be silent corruption.)

Each source partition has its own transactional producer. Starting it fences whoever
held the partition before: a zombie's next commit fails.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerIdMapping,
    KafkaError,
    ProducerFenced,
    UnknownTopicOrPartitionError,
)

from monitor.config import Settings
from monitor.pipeline import topics
from monitor.pipeline.connection import RETRY_SECONDS, client_arguments, look_again
from monitor.pipeline.dead_letters import DeadLetter
from monitor.pipeline.fatal import FencedError

log = logging.getLogger(__name__)

TRANSACTION_SECONDS = 180
"""A transaction that takes longer than this has failed. Longer than a broker's restart:
a worker waits for its broker."""
ABANDONED_TRANSACTION_MS = 30_000
"""The broker aborts a dead worker's transaction after this, if nobody takes over."""
FENCED = (ProducerFenced, InvalidProducerIdMapping)
"""Errors, perhaps as the cause of another one, after which nothing of the transaction
is or will be written: its id belongs to somebody else now, or to nobody."""
MAX_BATCH_BYTES = 900_000
"""Below the broker's default limit of one batch (1 MiB)."""
ROWS_BEFORE_PAUSE = 2_000
"""Rows put into batches before others get a turn: a few milliseconds."""

Row = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Key, value and headers of one record that a transaction sends."""
NO_HEADERS: Sequence[tuple[str, bytes]] = []


class Checkpoint(NamedTuple):
    """What one transaction makes durable, all taken at the same moment."""

    offset: int
    """How far the source was read: its next offset, or the sum of those of several
    logs. The rows hold it as well."""
    rows: Sequence[tuple[bytes, bytes | None]]
    visits: Sequence[tuple[bytes, bytes]]
    dead_letters: Sequence[DeadLetter]
    activity: Mapping[int, Sequence[bytes]] = MappingProxyType({})
    """What contacts say of people, by partition of the agents."""


class CheckpointWriter:
    """The fence and the commits of one source partition."""

    def __init__(
        self, settings: Settings, stream: str, number: int, state: str
    ) -> None:
        """Write for partition `number` of the processor `stream`, to topic `state`."""
        self._state = state
        self._session_seconds = settings.session_timeout / 1000
        self._number = number
        self._transactional_id = f"{settings.app}-{stream}-{number}"
        self._producer = AIOKafkaProducer(
            **client_arguments(settings),
            transactional_id=self._transactional_id,
            transaction_timeout_ms=ABANDONED_TRANSACTION_MS,
            max_batch_size=MAX_BATCH_BYTES,
            linger_ms=0,
        )
        look_again(self._producer.client)
        _never_expire(self._producer)

    async def claim(self) -> None:
        """Fence every earlier owner of the partition.

        Raises:
            KafkaError: the broker didn't answer.
        """
        await self._producer.start()

    async def commit(self, checkpoint: Checkpoint) -> int:
        """Make `checkpoint` durable, whole or not at all.

        Returns the offset of the state's topic after its rows. They can be read a
        moment later: Kafka answers when it is sure that it will commit, and then tells
        each partition so.

        Raises:
            FencedError: a newer owner of the partition exists; nothing was written.
            KafkaError: it isn't known whether it was written.
            TimeoutError: the same.
        """
        try:
            async with asyncio.timeout(TRANSACTION_SECONDS):
                await self._producer.begin_transaction()
                end = await self._send(self._state, _plain(checkpoint.rows))
                await self._send(topics.VISITS, _plain(checkpoint.visits))
                await self._send(topics.DEAD_LETTERS, checkpoint.dead_letters)
                for target, messages in checkpoint.activity.items():
                    rows = ((None, message, NO_HEADERS) for message in messages)
                    await self._send(topics.AGENT_ACTIVITY, rows, target)
                await self._producer.commit_transaction()
                return end
        except KafkaError as error:
            if not (isinstance(error, FENCED) or isinstance(error.__cause__, FENCED)):
                raise
            raise FencedError(
                f"another worker has taken over partition {self._number} "
                f"({self._transactional_id}), or Kafka gave up a transaction of this "
                "one: it was paused, or cut off, for longer than its session of "
                f"{self._session_seconds:g} s, or than a transaction may take"
            ) from error

    async def _send(
        self, topic: str, rows: Iterable[Row], partition: int | None = None
    ) -> int:
        """The offset after the rows when the topic has them; 0 for no rows."""
        number = self._number if partition is None else partition
        sent: list[asyncio.Future[Any]] = []
        batch = self._producer.create_batch()
        append = batch.append
        for count, (key, value, headers) in enumerate(rows, 1):
            if append(key=key, value=value, timestamp=None, headers=headers) is None:
                sent.append(await self._send_batch(batch, topic, number))
                batch = self._producer.create_batch()
                append = batch.append
                if (
                    append(key=key, value=value, timestamp=None, headers=headers)
                    is None
                ):
                    raise RowTooLargeError(topic, len(value or b""))
            if not count % ROWS_BEFORE_PAUSE:
                await asyncio.sleep(0)
        if batch.record_count():
            sent.append(await self._send_batch(batch, topic, number))
        last = [await future for future in sent][-1:]
        return last[0].offset + batch.record_count() if last else 0

    async def _send_batch(
        self, batch: Any, topic: str, number: int
    ) -> "asyncio.Future[Any]":
        batch.close()
        while True:
            try:
                future: asyncio.Future[Any] = await self._producer.send_batch(
                    batch, topic, partition=number
                )
            except UnknownTopicOrPartitionError as error:
                # aiokafka gives up after 40 s; a broker may be away for longer, and one
                # that has just begun knows of no topic. Nothing was sent yet.
                log.warning("topic=%s state=retrying error=%r", topic, error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return future

    async def close(self) -> None:
        """Let the broker go; a transaction that is open is left to the next owner."""
        try:
            await self._producer.stop()
        except (KafkaError, OSError) as error:
            log.warning(
                "partition=%d producer=%s state=closed error=%r",
                self._number,
                self._transactional_id,
                error,
            )


class RowTooLargeError(Exception):
    """A row doesn't fit into one record; the limits of the state should prevent it."""

    def __init__(self, topic: str, size: int) -> None:
        """Name the topic and the bytes."""
        super().__init__(f"a row of {size} bytes doesn't fit into a record of {topic}")


def _plain(rows: Iterable[tuple[bytes, bytes | None]]) -> Iterable[Row]:
    return ((key, value, NO_HEADERS) for key, value in rows)


def _never_expire(producer: Any) -> None:
    """Let rows wait for their broker as long as a transaction may.

    aiokafka gives a batch up that has waited for a leader for as long as one request
    may take, 40 s, and no argument says otherwise. What was given up leaves a gap in
    the producer's sequence, so that trying again can't mend it.
    """
    producer._message_accumulator._batch_ttl = TRANSACTION_SECONDS  # noqa: SLF001
