"""Records into a topic just as they are: null keys and values, sizes, transactions."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

Pair = tuple[bytes | None, bytes | None]
MAX_BATCH_BYTES = 500_000


async def send_raw(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Iterable[Pair]
) -> None:
    """Send `records` in prepared batches, which may hold what `send` refuses."""
    sent: list[asyncio.Future[Any]] = []
    batch = producer.create_batch()
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    if batch.record_count():
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


async def fill(
    bootstrap: str, topic: str, records: Sequence[Pair], *, partitions: int = 4
) -> None:
    """Send `records` plainly, spread over the partitions in pieces."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_batch_size=MAX_BATCH_BYTES
    )
    await producer.start()
    try:
        for number in range(partitions):
            await send_raw(producer, topic, number, records[number::partitions])
    finally:
        await producer.stop()


async def transact(
    bootstrap: str,
    topic: str,
    partition: int,
    records: Sequence[Pair],
    *,
    commit: bool,
) -> None:
    """Send `records` in one transaction, and commit or abort it."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"source-{partition}",
        max_batch_size=MAX_BATCH_BYTES,
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        await send_raw(producer, topic, partition, records)
        if commit:
            await producer.commit_transaction()
        else:
            await producer.abort_transaction()
    finally:
        await producer.stop()
