"""What leaves a worker outside of transactions: partials, queue numbers, copies.

Rule: one producer for the whole worker, every record acknowledged by all replicas.
Losing a partial heals itself; a copy that must not be lost is waited for by the
checkpoint that covers its record.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from monitor.config import Settings
from monitor.pipeline.batches import Record
from monitor.pipeline.connection import RETRY_SECONDS, client_arguments

log = logging.getLogger(__name__)

SPREAD_HEADER = "callcenter-spread"
SPREAD = (SPREAD_HEADER, b"1")
"""Marks a copy of an event that concerns every partition: it isn't copied again."""
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Limit of one message of the partials; the topic allows as much."""


def is_copy(record: Record) -> bool:
    """Whether it was copied here by `Outbox.spread` or `Outbox.send_home`."""
    return any(name == SPREAD_HEADER for name, _ in record.headers or ())


class Outbox:
    """The plain producer of a worker."""

    def __init__(self, settings: Settings) -> None:
        """Connect with `start`; until then nothing can be sent."""
        self._settings = settings
        self._connected: AIOKafkaProducer | None = None

    @property
    def _producer(self) -> AIOKafkaProducer:
        if self._connected is None:
            raise RuntimeError("the outbox wasn't started")
        return self._connected

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError: no server answers.
        """
        producer = AIOKafkaProducer(
            **client_arguments(self._settings),
            acks="all",
            linger_ms=0,
            max_request_size=MAX_MESSAGE_BYTES,
        )
        await producer.start()
        self._connected = producer

    async def stop(self) -> None:
        """Send what is left and disconnect."""
        if self._connected is not None:
            await self._connected.stop()

    async def partitions(self, topic: str) -> int:
        """Number of partitions of `topic`."""
        return len(await self._producer.partitions_for(topic))

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> "asyncio.Future[Any]":
        """Hand one record over; the result is done when it is acknowledged."""
        sent: asyncio.Future[Any] = await self._producer.send(
            topic, value, key, partition=partition, headers=list(headers)
        )
        return sent

    async def spread(self, record: Record) -> None:
        """Copy a source's own event to every other partition of its topic.

        Returns when all copies are acknowledged, however long the broker is gone: the
        checkpoint that covers the record waits. A copy may come twice, which changes
        nothing: the fold has seen the event.

        Raises:
            KafkaError: the broker refuses; trying again wouldn't help.
        """
        others: set[int] = set()

        async def copy() -> None:
            nonlocal others
            others = others or await self._others(record)
            await self._copy(record, others)

        await _until_done(copy)

    async def send_home(self, record: Record, partition: int) -> None:
        """Copy a record to the partition of its topic where it belongs.

        Returns when the copy is acknowledged, as `spread` does.

        Raises:
            KafkaError: the broker refuses; trying again wouldn't help.
        """

        async def copy() -> None:
            await self._copy(record, {partition})

        await _until_done(copy)

    async def _others(self, record: Record) -> set[int]:
        return set(range(await self.partitions(record.topic))) - {record.partition}

    async def _copy(self, record: Record, others: set[int]) -> None:
        """Copy to `others`, and take out those that acknowledged."""
        headers = [*record.headers, SPREAD]
        sent = {
            other: await self.send(
                record.topic,
                record.key,
                record.value,
                partition=other,
                headers=headers,
            )
            for other in sorted(others)
        }
        results = await asyncio.gather(*sent.values(), return_exceptions=True)
        failed = [error for error in results if isinstance(error, BaseException)]
        done = zip(sent, results, strict=True)
        others -= {n for n, result in done if not isinstance(result, BaseException)}
        if failed:
            raise failed[0]


async def _until_done(copy: Callable[[], Awaitable[None]]) -> None:
    """Try again and again while that may help."""
    while True:
        try:
            await copy()
        except KafkaError as error:
            if not (error.retriable or isinstance(error, KafkaTimeoutError)):
                raise
            log.warning("doing=copies state=retrying error=%r", error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
