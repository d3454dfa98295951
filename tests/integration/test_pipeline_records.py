"""Records that aren't events of one contact: dead letters, unknown types, restarts."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from monitor.config import Settings
from monitor.core.events import Event, Kind
from monitor.pipeline import topics
from monitor.wire.events import encode_event
from tests.support.feeding import read_all
from tests.support.kafka import KafkaServer
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

START_MS = 1_767_250_800_000
BAD = [
    (b"k1", b"\xff\x00 not even text"),
    (b"k2", b"[1, 2]"),
    (None, b'{"type": "contact.queued", "at": 1767250800000}'),
    (b"k4", b'{"type": "contact.queued", "at": "soon", "contact": "c", "queue": "q"}'),
    (b"k5", b'{"type": "contact.queued", "at": 1767250800000, "v": 2}'),
    (b"k6", None),
]
REASONS = {
    "not_json": 1,
    "not_object": 1,
    "missing_field": 1,
    "wrong_value": 1,
    "newer_version": 1,
    "null_value": 1,
}
PARTITION = 2


async def produce(bootstrap: str, records: list[tuple[bytes | None, Any]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for key, value in records:
            await producer.send_and_wait(
                topics.CONTACTS, value, key=key, partition=PARTITION
            )
    finally:
        await producer.stop()


def event(kind: Kind, seconds: int, contact: str = "c1", **fields: Any) -> bytes:
    made = Event(START_MS + seconds * 1000, kind, contact, source="pbx")
    return encode_event(made._replace(**fields))


def start(kafka: KafkaServer, directory: Path, app: str) -> WorkerProcess:
    asyncio.run(topics.create_missing(Settings(bootstrap=kafka.bootstrap)))
    return WorkerProcess(directory, app, kafka.bootstrap, app=app, clock="event")


def events_read(worker: WorkerProcess) -> Any:
    return worker.report().get("events", {}).get("read")


def test_a_bad_record_is_kept_byte_for_byte_and_stops_nothing(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """Key and value as they came, the reason and the place in headers, counted."""
    good = event(Kind.QUEUED, 1, queue="support")
    with start(fresh_kafka, tmp_path, "letters") as worker:
        asyncio.run(produce(fresh_kafka.bootstrap, [*BAD, (b"c1", good)]))
        wait_until(lambda: events_read(worker) == len(BAD) + 1, "all are read")
        report = worker.report()

        assert report["events"]["dead_letters"] == len(BAD)
        assert report["queues"]["support"]["waiting"] == 1
        assert worker.stop() == 0

    letters = asyncio.run(read_all(fresh_kafka.bootstrap, topics.DEAD_LETTERS))
    headers = [{name: text.decode() for name, text in r.headers} for r in letters]

    assert [(letter.key, letter.value) for letter in letters] == BAD
    assert {told["reason"]: 1 for told in headers} == REASONS
    assert [told["offset"] for told in headers] == [str(n) for n in range(len(BAD))]
    for told in headers:
        assert told["topic"] == topics.CONTACTS
        assert told["partition"] == str(PARTITION)
        assert told["detail"]
        assert int(told["timestamp"]) > START_MS


def test_a_dead_letter_is_there_once_however_often_its_record_is_read(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """Killed before the checkpoint, the next worker reads the record again."""
    asyncio.run(topics.create_missing(Settings(bootstrap=fresh_kafka.bootstrap)))
    settings = {"app": "again", "clock": "event", "session_timeout": "6s"}
    slow = settings | {"checkpoint.interval": "5m"}
    with WorkerProcess(tmp_path, "killed", fresh_kafka.bootstrap, **slow) as worker:
        asyncio.run(produce(fresh_kafka.bootstrap, BAD))
        wait_until(lambda: events_read(worker) == len(BAD), "all are read")
        worker.kill()
    with WorkerProcess(tmp_path, "next", fresh_kafka.bootstrap, **settings) as worker:
        wait_until(lambda: events_read(worker) == len(BAD), "all are read", seconds=40)

        assert worker.stop() == 0

    letters = asyncio.run(read_all(fresh_kafka.bootstrap, topics.DEAD_LETTERS))

    assert len(letters) == len(BAD)


def test_unknown_event_types_are_counted_and_ignored(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """A newer producer may send them."""
    unknown = json.dumps({"type": "contact.teleported", "at": START_MS}).encode()
    with start(fresh_kafka, tmp_path, "unknown") as worker:
        asyncio.run(produce(fresh_kafka.bootstrap, [(b"k", unknown)]))
        wait_until(lambda: events_read(worker) == 1, "it is read")

        assert worker.report()["events"]["ignored"] == 1
        assert worker.stop() == 0

    assert asyncio.run(read_all(fresh_kafka.bootstrap, topics.DEAD_LETTERS)) == []


def test_a_source_that_restarted_is_told_to_every_partition(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """Its event reaches one partition only; it is copied to the others, once."""
    restarted = event(Kind.SOURCE_STARTED, 60, contact="")
    with start(fresh_kafka, tmp_path, "restart") as worker:
        asyncio.run(produce(fresh_kafka.bootstrap, [(None, restarted)]))
        wait_until(lambda: events_read(worker) == 4, "every partition has read it")

        assert worker.stop() == 0

    records = asyncio.run(read_all(fresh_kafka.bootstrap, topics.CONTACTS))

    assert {(r.partition, r.value) for r in records} == {
        (number, restarted) for number in range(4)
    }
    assert len(records) == 4
