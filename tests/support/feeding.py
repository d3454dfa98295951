"""Events into a real Kafka at a pace, and the truth about them from the core alone."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from monitor.core.events import Event
from monitor.core.offline import Recording
from monitor.core.people.events import AgentEvent, AnyEvent
from monitor.core.rules import Rules
from monitor.pipeline import topics
from monitor.wire.agent_events import encode_agent_event
from monitor.wire.events import encode_event

DISTANT_FUTURE = 1 << 60
STEP = 500


async def feed(
    bootstrap: str, events: Sequence[AnyEvent], *, per_second: float | None = None
) -> None:
    """Send `events`, keyed by contact or agent; `per_second`: no faster than this."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=200_000
    )
    await producer.start()
    began = time.monotonic()
    try:
        for count, event in enumerate(events):
            if isinstance(event, AgentEvent):
                said = encode_agent_event(event)
                await producer.send(topics.AGENTS, said, key=event.agent.encode())
            else:
                told = encode_event(event)
                await producer.send(topics.CONTACTS, told, key=event.contact.encode())
            if per_second and not count % STEP:
                ahead = count / per_second - (time.monotonic() - began)
                await asyncio.sleep(max(0.0, ahead))
        await producer.flush()
    finally:
        await producer.stop()


async def feed_everywhere(bootstrap: str, event: Event) -> None:
    """Send `event` to every partition."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for partition in await producer.partitions_for(topics.CONTACTS):
            await producer.send_and_wait(
                topics.CONTACTS, encode_event(event), partition=partition
            )
    finally:
        await producer.stop()


async def read_all(bootstrap: str, topic: str) -> list[Any]:
    """Every committed record of `topic` that is there now."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        tps = sorted(consumer.assignment())
        ends = await consumer.end_offsets(tps)
        records: list[Any] = []
        left = {tp for tp in tps if ends[tp]}
        while left:
            for found in (await consumer.getmany(timeout_ms=200)).values():
                records += found
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
        return records
    finally:
        await consumer.stop()


def offline_report(events: Iterable[AnyEvent], rules: Rules | None = None) -> Any:
    """What the core alone makes of `events`: the report as of the newest of them."""
    recording = Recording(rules or Rules())
    recording.fold(events)
    return recording.close()
