"""A rolling restart from an earlier release, on a real Kafka, loses nothing."""

import asyncio
from collections import Counter
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from monitor.config import Settings
from monitor.core.report import Report
from monitor.pipeline import topics
from monitor.wire.events import decode_contact_event
from monitor.wire.migrations import META_KEY, STATE_VERSION
from tests.support.feeding import offline_report, read_all
from tests.support.kafka import KafkaServer
from tests.support.states import KeptState, kept_states
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

KEPT = kept_states()


@pytest.fixture
def broker(fresh_kafka: KafkaServer) -> str:
    """Address of a Kafka with the product's topics, all empty."""
    asyncio.run(topics.create_missing(Settings(bootstrap=fresh_kafka.bootstrap)))
    return fresh_kafka.bootstrap


async def leave_behind(bootstrap: str, kept: KeptState) -> None:
    """What the earlier release left when it was stopped, and what came after."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)
    await producer.start()
    try:
        for number, rows in enumerate(kept.rows):
            for value in kept.log[number]:
                await producer.send(topics.CONTACTS, value, partition=number)
            for key, value in rows.items():
                await producer.send(topics.CONTACTS_STATE, value, key, partition=number)
        await producer.flush()
    finally:
        await producer.stop()


def expected(kept: KeptState) -> Report:
    """Of the whole log, by the core alone."""
    records = [value for log in kept.log for value in log]
    events = [event for value in records if (event := decode_contact_event(value))]
    report: Report = offline_report(sorted(events))
    return report


NAMES = ("offered", "answered", "abandoned", "abandoned_short", "expired", "handled")


def sums(report: Report) -> dict[str, dict[str, int]]:
    queues = report.get("queues", {})
    return {q: {name: queues[q][name] for name in NAMES} for q in queues}


@pytest.mark.parametrize("kept", KEPT, ids=[f"v{kept.version}" for kept in KEPT])
def test_a_worker_goes_on_from_the_state_of_an_earlier_release(
    kept: KeptState, broker: str, tmp_path: Path
) -> None:
    """Its own version is in the mirror afterwards, and every number is right."""
    asyncio.run(leave_behind(broker, kept))
    whole = expected(kept)
    with WorkerProcess(tmp_path, "new", broker, clock="event") as worker:
        wait_until(
            lambda: sums(worker.report()) == sums(whole), "the numbers are right"
        )
        events = worker.report()["events"]
        assert worker.report()["drift"] == 0
        assert worker.stop() == 0

    assert events["read"] == sum(map(len, kept.log))
    rows: dict[tuple[int, bytes], bytes | None] = {}
    for record in asyncio.run(read_all(broker, topics.CONTACTS_STATE)):
        rows[record.partition, record.key] = record.value
    metas = [v for (_, key), v in rows.items() if key == META_KEY and v]
    versions = Counter(orjson.loads(meta)["v"] for meta in metas)
    assert versions == {STATE_VERSION: len(kept.rows)}
