"""How fast one worker is on a real Kafka, beside the client's limit, in one run.

    python -m tests.bench.worker_bench [EVENTS] [ROUNDS]

The limit is aiokafka's fetch and `orjson.loads` and nothing else. The worker does
everything: visits, panes, exactly-once checkpoints, partials, merge, metrics. Prints
events per second of both in alternating order, their medians, and the ratio, which is
what may be compared between machines.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from monitor.config import Settings, load
from monitor.pipeline.topics import CONTACTS, create_missing
from tests.bench.generated import contact_records
from tests.support.kafka import KafkaServer
from tests.support.topics import delete_topics
from tests.support.workers import WorkerProcess

PARTITIONS = 4
PATIENCE_SECONDS = 300.0
RECORDS_PER_FETCH = 5_000
SCRAPE_SECONDS = 2.0


async def fill(settings: Settings, count: int) -> None:
    """Make the topics anew and write `count` events into them."""
    records = ((CONTACTS, key, value) for key, value in contact_records(count))
    await fill_with(settings, records)


async def fill_with(
    settings: Settings, records: Iterable[tuple[str, str, bytes]]
) -> None:
    """Make the topics anew and write `(topic, key, value)` into them."""
    await delete_topics(settings.bootstrap)
    await create_missing(settings)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap, linger_ms=20, max_batch_size=900_000
    )
    await producer.start()
    try:
        waiting = []
        for topic, key, value in records:
            waiting.append(await producer.send(topic, value, key.encode()))
            if len(waiting) >= 50_000:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


async def begin_anew(settings: Settings) -> None:
    """Delete everything but the events, so that a worker begins at their beginning."""
    await delete_topics(settings.bootstrap, keep=(CONTACTS,))
    await create_missing(settings)


async def limit(bootstrap: str, count: int) -> float:
    """Events per second of fetching and parsing, from the first fetch to the last."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        tps = [TopicPartition(CONTACTS, number) for number in range(PARTITIONS)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        read = 0
        started = time.perf_counter()
        while read < count:
            fetched: dict[Any, list[Any]] = await consumer.getmany(
                timeout_ms=500, max_records=RECORDS_PER_FETCH
            )
            for records in fetched.values():
                for record in records:
                    orjson.loads(record.value)
                read += len(records)
        return count / (time.perf_counter() - started)
    finally:
        await consumer.stop()


def worker(directory: Path, bootstrap: str, count: int, name: str) -> float:
    """Events per second of one worker, from its first shown events to its last."""
    settings = {"app": name, "clock": "event", "topics.partitions": PARTITIONS}
    with WorkerProcess(directory, name, bootstrap, **settings) as process:
        first: tuple[float, float] | None = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        read = 0.0
        while time.monotonic() < deadline:
            read = _applied(process.metrics())
            now = time.perf_counter()
            if read and first is None:
                first = (read, now)
            if read >= count and first is not None:
                process.stop()
                return (read - first[0]) / (now - first[1])
            # A scrape costs the worker time, so as seldom as in production or less.
            time.sleep(SCRAPE_SECONDS)
    raise TimeoutError(f"the worker read {read:,.0f} of {count:,} events")


def _applied(samples: dict[str, float]) -> float:
    return sum(
        value
        for name, value in samples.items()
        if name.startswith('callcenter_events_total{stream="contacts"')
    )


def show(name: str, rates: Iterable[float]) -> float:
    """Print one contestant's rates; their median."""
    values = list(rates)
    median = statistics.median(values)
    told = ", ".join(f"{value:,.0f}" for value in values)
    print(f"{name:10} {median:12,.0f} events/s   ({told})")
    return median


def main() -> None:
    """Run all rounds and print them."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with KafkaServer(directory / "kafka") as kafka:
            settings = load(None, [f"bootstrap={kafka.bootstrap}"], {})
            print(f"writing {count:,} events", flush=True)
            asyncio.run(fill(settings, count))
            limits, workers = [], []
            for number in range(rounds):
                limits.append(uvloop.run(limit(kafka.bootstrap, count)))
                print(f"round {number + 1}: limit {limits[-1]:,.0f}", flush=True)
                app = f"bench-{number}"
                asyncio.run(begin_anew(settings))
                workers.append(worker(directory, kafka.bootstrap, count, app))
                print(f"round {number + 1}: worker {workers[-1]:,.0f}", flush=True)
    ratio = show("worker", workers) / show("limit", limits)
    print(f"the worker reaches {ratio:.1%} of the client's limit")


if __name__ == "__main__":
    main()
