"""Stale is visible: what metrics say, and how soon, when something is gone.

Rule: seconds are counted from the fault to the first scrape that shows a sign of it;
what is looked at is `/metrics` and `/readyz`, as an alert would.
"""

import asyncio
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from aiokafka import AIOKafkaProducer

from monitor.config import Settings
from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.rules import Rules
from monitor.pipeline import topics
from monitor.wire.events import encode_event
from tests.support.contacts import report_of
from tests.support.feeding import feed
from tests.support.kafka import KafkaServer
from tests.support.waiting import wait_until
from tests.support.watch import (
    COUNTED,
    Samples,
    Watch,
    age_of,
    all_unknown,
    gauges,
    lasting,
    readyz,
    samples_of,
    sources,
    total,
    unknown_signs,
)
from tests.support.workers import WorkerProcess

SIGN_SECONDS = 10.0
SLACK_SECONDS = 2.0
"""A heartbeat or a partial that the broker answered as it died counts from then on, and
a scrape takes its time on a busy machine."""
QUEUES = tuple(f"queue-{number}" for number in range(12))
LAG = "callcenter_consumer_lag_records"
CHECKPOINT_AGE = "callcenter_checkpoint_age_seconds"
WAITING = "callcenter_contacts_waiting"
BACKLOG = 60_000
CONTACTS = (
    *((ago, Kind.QUEUED, f"waiting-{ago}") for ago in (2, 6, 10, 14, 18)),
    (19, Kind.QUEUED, "abandoned"),
    (12, Kind.ABANDONED, "abandoned"),
    (19, Kind.QUEUED, "ended"),
    (17, Kind.ANSWERED, "ended"),
    (9, Kind.ENDED, "ended"),
    (8, Kind.QUEUED, "talking"),
    (3, Kind.ANSWERED, "talking"),
)
"""Seconds ago, what, and which contact; those who wait cross the threshold soon."""


@pytest.fixture
def broker(fresh_kafka: KafkaServer) -> str:
    """Address of a Kafka with the product's topics, all empty."""
    asyncio.run(topics.create_missing(Settings(bootstrap=fresh_kafka.bootstrap)))
    return fresh_kafka.bootstrap


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def some_contacts(name: str, now: int) -> list[Event]:
    """Contacts of every queue."""
    events = []
    for number, queue in enumerate(QUEUES):
        source, agent = f"pbx:{number % 2}", f"agent-{number}"
        for ago, kind, contact in CONTACTS:
            by = agent if kind in (Kind.ANSWERED, Kind.ENDED) else ""
            at, full = now - 1000 * ago, f"{name}-{queue}-{contact}"
            events.append(Event(at, kind, full, queue=queue, agent=by, source=source))
    return events


def by_the_core(events: Iterable[Event], now: int) -> dict[str, Any]:
    """What the core alone says at `now`, without what depends on the moment."""
    partition = Partition(Rules())
    partition.apply(events, now)
    return lasting(report_of(partition, now))


def is_right(workers: Iterable[WorkerProcess], events: Iterable[Event]) -> bool:
    """Whether the workers together show what the core alone says of `events`."""
    reports = [worker.report() for worker in workers]
    shown = {name: queue for r in reports for name, queue in lasting(r).items()}
    is_ready = all(report.get("ready") for report in reports)
    return is_ready and shown == by_the_core(events, now_ms())


def test_a_dead_broker_is_visible_within_ten_seconds(
    fresh_kafka: KafkaServer, broker: str, tmp_path: Path
) -> None:
    """Everything becomes unknown and says so; with the broker it is all well again."""
    with WorkerProcess(tmp_path, "worker", broker) as worker:
        wait_until(lambda: worker.get("/readyz") is not None, "the worker is ready")
        events = some_contacts("before", now_ms())
        asyncio.run(feed(broker, events))
        wait_until(lambda: is_right([worker], events), "the numbers are right")
        before = worker.metrics()
        known = gauges(before)
        fresh_kafka.kill()
        gone = Watch(worker, unknown_signs(worker, known))
        gone.until_all("broker gone", seconds=SIGN_SECONDS + SLACK_SECONDS)

        assert len(known) > 100 * len(QUEUES)
        assert readyz(worker)[1].startswith("not ready: ")
        assert not gone.absent(known | sources(before))
        assert not gone.fallen(before)
        assert gone.values(WAITING) <= waiting_in(before)
        assert worker.report()["queues"] == {}

        fresh_kafka.start()
        back = Watch(
            worker,
            {
                "/readyz": lambda _: readyz(worker)[0] == 200,
                "right numbers": lambda _: is_right([worker], events),
            },
        )
        back.until_all("broker back", seconds=60)
        more = some_contacts("after", now_ms())
        asyncio.run(feed(broker, more))
        wait_until(lambda: is_right([worker], events + more), "it goes on counting")

        assert not back.absent(known | sources(before))
        assert not back.fallen(before)


def test_an_owner_that_stands_still_is_visible_at_the_other(
    broker: str, tmp_path: Path
) -> None:
    """The survivor knows nothing, then everything; who wakes up claims nothing."""
    with (
        WorkerProcess(tmp_path, "one", broker) as one,
        WorkerProcess(tmp_path, "two", broker) as two,
    ):
        events = some_contacts("before", now_ms())
        asyncio.run(feed(broker, events))
        wait_until(lambda: is_right([one, two], events), "both are right")
        wait_until(lambda: all(lasting(w.report()) for w in (one, two)), "a share each")
        before, others = one.metrics(), two.metrics()
        known = gauges(before)
        two.pause()
        gone = Watch(one, unknown_signs(one, known))
        gone.until_all("owner gone", seconds=SIGN_SECONDS + SLACK_SECONDS)
        heir = Watch(one, {"right numbers": lambda _: is_right([one], events)})
        heir.until_all("taken over", seconds=60)

        assert not gone.fallen(before)
        assert not heir.fallen(before | others)
        assert gone.values(WAITING) <= waiting_in(before)
        assert heir.values(WAITING) <= waiting_in(before | others)

        shown = asyncio.run(ask_when_it_wakes(two))
        assert {name for name in shown if name.startswith("callcenter_queue_stale")}
        assert all_unknown(shown, gauges(shown))
        assert not [name for name in shown if "queue=" in name and COUNTED.match(name)]
        assert shown["callcenter_ready"] == 0


async def ask_when_it_wakes(worker: WorkerProcess) -> Samples:
    """What a paused worker tells somebody who asked while it was paused."""
    url = urlsplit(worker.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
    await writer.drain()
    worker.go_on()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return samples_of(answer.partition(b"\r\n\r\n")[2])


def waiting_in(samples: Samples) -> set[float]:
    """The numbers of waiting contacts; none is 0."""
    found = {v for name, v in samples.items() if name.startswith(f"{WAITING}{{")}
    assert 0 not in found
    return found


class Sources:
    """Two sources that give a sign of life again and again, while they are alive."""

    def __init__(self, broker: str) -> None:
        self.alive = {"pbx:0", "pbx:1"}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send(broker)))

    async def _send(self, broker: str) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=broker)
        await producer.start()
        try:
            while not self._stopped.is_set():
                for source in sorted(self.alive):
                    event = Event(now_ms(), Kind.SOURCE_HEARTBEAT, "", source=source)
                    await producer.send(topics.CONTACTS, encode_event(event))
                await asyncio.sleep(0.2)
        finally:
            await producer.stop()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()


def test_a_source_that_falls_silent_is_visible_by_its_name(
    broker: str, tmp_path: Path
) -> None:
    """Its last event grows old, the other one's doesn't, and nothing is stale."""
    with WorkerProcess(tmp_path, "worker", broker) as worker, Sources(broker) as both:
        wait_until(lambda: len(sources(worker.metrics())) == 2, "both are heard")
        both.alive = {"pbx:0"}
        watch = Watch(worker, {"silent for 8 s": lambda s: age_of(s, "pbx:1") > 8})
        watch.until_all("source silent", seconds=SIGN_SECONDS)
        ages = [age_of(look, "pbx:0") for look in watch.looks]

        assert max(ages) < 3
        assert {look["callcenter_ready"] for look in watch.looks} == {1}
        both.alive = {"pbx:0", "pbx:1"}
        wait_until(lambda: age_of(worker.metrics(), "pbx:1") < 3, "it is back")


def test_a_backlog_is_visible_until_it_is_read(broker: str, tmp_path: Path) -> None:
    """After a pause: records that aren't applied, and the age of the checkpoint."""
    with WorkerProcess(tmp_path, "worker", broker) as worker:
        wait_until(lambda: worker.get("/readyz") is not None, "the worker is ready")
        worker.pause()
        now = now_ms()
        backlog = [
            Event(now, Kind.QUEUED, f"c{number}", queue=QUEUES[0], source="pbx:0")
            for number in range(BACKLOG)
        ]
        asyncio.run(feed(broker, backlog))
        worker.go_on()
        behind = Watch(
            worker,
            {
                "lag": lambda s: total(s, LAG) > BACKLOG / 10,
                "age of the checkpoint": lambda s: total(s, CHECKPOINT_AGE) > 0.1,
            },
        )
        behind.until_all("backlog", seconds=SIGN_SECONDS)
        caught_up = Watch(
            worker,
            {
                "lag 0": lambda s: total(s, LAG) == 0,
                "age 0": lambda s: total(s, CHECKPOINT_AGE) == 0,
                "all waiting": lambda s: total(s, WAITING) == BACKLOG,
            },
        )
        caught_up.until_all("caught up", seconds=30)
