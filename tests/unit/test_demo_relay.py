"""The relay in front of the embedded broker: what is sent is read at once."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from monitor.embedded.broker import EmbeddedBroker

LONG_SECONDS = 60


async def seconds_to_read(bootstrap: str) -> float:
    """From a record's sending to its reading, by a consumer that is ready to wait."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait("t", b"first", partition=0)
        async with AIOKafkaConsumer(
            "t",
            bootstrap_servers=bootstrap,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=LONG_SECONDS * 1000,
            request_timeout_ms=2 * LONG_SECONDS * 1000,
        ) as consumer:
            await consumer.getone()
            # A fetch is under way, and finds nothing.
            assert not await consumer.getmany(timeout_ms=200)
            began = time.monotonic()
            await producer.send_and_wait("t", b"second", partition=0)
            record = await consumer.getone()
    assert record.value == b"second"
    return time.monotonic() - began


def test_a_fetch_that_found_nothing_is_soon_answered() -> None:
    """The mock cluster alone would answer when the wait asked for is over."""
    with EmbeddedBroker() as broker:
        assert asyncio.run(seconds_to_read(broker.bootstrap)) < LONG_SECONDS / 2
