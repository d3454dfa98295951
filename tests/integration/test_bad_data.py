"""Bad records, floods of names and foreign state, through a real Kafka and a worker."""

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from monitor.config import Settings
from monitor.core.events import Event, Kind
from monitor.core.queue_names import share_of
from monitor.core.rules import OTHER_QUEUE
from monitor.pipeline import topics
from monitor.pipeline.fatal import EXIT_NEWER_STATE
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event, encode_event
from monitor.wire.migrations import META_KEY, STATE_VERSION
from tests.bench.generated import contact_records
from tests.fuzz.records import mutated
from tests.support.batches import Pair, fill, transact
from tests.support.feeding import read_all
from tests.support.kafka import KafkaServer
from tests.support.topics import delete_topics
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess, wait_for_exit

PARTITIONS = 4
BAD = 50_000
GOOD_CONTACTS = 400
QUEUE = "only good ones"
MEGABYTE = 1_040_000
"""About the largest record that a topic takes by default."""
RACE = 60_000
"""Records of one kind that a worker is timed with."""


@pytest.fixture(name="broker")
def _broker(fresh_kafka: KafkaServer) -> str:
    """Address of a Kafka with the product's topics, all empty."""
    asyncio.run(topics.create_missing(Settings(bootstrap=fresh_kafka.bootstrap)))
    return fresh_kafka.bootstrap


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def good(contact: str, at: int) -> list[Pair]:
    """A contact that waited for two seconds and talked for one minute."""
    base = Event(at, int(Kind.QUEUED), contact, source="good", queue=QUEUE)
    events = (
        base,
        base._replace(at=at + 2_000, kind=int(Kind.ANSWERED), agent="ann"),
        base._replace(at=at + 62_000, kind=int(Kind.ENDED), agent="ann"),
    )
    return [(contact.encode(), encode_event(event)) for event in events]


def bad_records(chance: Random, count: int) -> list[Pair]:
    """Fuzzed records with all kinds of keys, some of them both without."""
    keys = (None, b"", b"k", b"\x00\xff", b"fuzz-1")
    records: list[Pair] = []
    while len(records) < count:
        _, value = mutated(chance, now_ms())
        if len(value or b"") <= MEGABYTE:
            records.append((chance.choice(keys), value))
    return records


def mixed(chance: Random, number: int, partition: int, count: int) -> list[Pair]:
    """Good contacts in order, bad records between them."""
    begin = now_ms() - 120_000
    lives = [
        pair
        for contact in range(GOOD_CONTACTS // PARTITIONS)
        for pair in good(f"good-{number}-{partition}-{contact}", begin + contact)
    ]
    records = bad_records(chance, count)
    places = sorted(chance.sample(range(count), len(lives)))
    for place, pair in zip(reversed(places), reversed(lives), strict=True):
        records.insert(place, pair)
    return records


async def write_everything(bootstrap: str, chance: Random) -> None:
    """Plain records, committed and aborted transactions, and one large record."""
    share = BAD // PARTITIONS // 3
    for partition in range(PARTITIONS):
        for number, commit in enumerate((True, False, True)):
            records = mixed(chance, number, partition, share)
            await transact(
                bootstrap, topics.CONTACTS, partition, records, commit=commit
            )
    plain = [
        *bad_records(chance, share * PARTITIONS),
        (b"large", b"\xff" * MEGABYTE),
        (None, None),
        (None, b""),
    ]
    await fill(bootstrap, topics.CONTACTS, plain)


def refused(records: list[Any]) -> dict[tuple[int, int], tuple[str, Any]]:
    """By partition and offset: the reason and record of what is no event."""
    found = {}
    for record in records:
        try:
            decode_contact_event(record.value)
        except BadRecord as bad:
            found[record.partition, record.offset] = (bad.reason, record)
    return found


def shown(worker: WorkerProcess) -> tuple[Any, Any]:
    queue = worker.report().get("queues", {}).get(QUEUE, {})
    return queue.get("offered"), queue.get("handled")


def test_bad_records_among_good_ones_are_kept_exactly_once(
    broker: str, tmp_path: Path
) -> None:
    """Nothing crashes, good contacts count right, aborted ones don't count at all."""
    settings = {"app": "bad", "checkpoint.interval": "500ms"}
    with WorkerProcess(tmp_path, "worker", broker, **settings) as worker:
        asyncio.run(write_everything(broker, Random(11)))
        contacts = 2 * GOOD_CONTACTS
        wait_until(
            lambda: shown(worker) == (contacts, contacts),
            "the good contacts are counted",
            seconds=60,
        )
        records = asyncio.run(read_all(broker, topics.CONTACTS))
        expected = refused(records)
        wait_until(
            lambda: worker.report()["events"]["read"] == len(records),
            "all are read",
            seconds=60,
        )
        report = worker.report()

        assert shown(worker) == (contacts, contacts)
        assert report["queues"][QUEUE]["talk_seconds_sum"] == contacts * 60
        assert report["drift"] == 0
        assert worker.stop() == 0
        assert worker.log.read_text().count("dead_letter=") < 100

    letters = asyncio.run(read_all(broker, topics.DEAD_LETTERS))
    headers = [{name: text.decode() for name, text in r.headers} for r in letters]
    places = [(int(told["partition"]), int(told["offset"])) for told in headers]
    many = sum(told["reason"] == "too_many_events" for told in headers)

    assert len(expected) > BAD / 2
    assert len(letters) == len(expected) + many
    assert report["events"]["dead_letters"] == len(letters)
    assert len(set(places)) == len(places)
    assert {
        place: told["reason"]
        for place, told in zip(places, headers, strict=True)
        if told["reason"] != "too_many_events"
    } == {place: reason for place, (reason, _) in expected.items()}
    for place, letter in zip(places, letters, strict=True):
        if place in expected:
            _, record = expected[place]
            assert (letter.key, letter.value) == (record.key, record.value)
    assert max(len(letter.value or b"") for letter in letters) == MEGABYTE
    assert (None, None) in {(letter.key, letter.value) for letter in letters}
    assert all(told["topic"] == topics.CONTACTS for told in headers)


def speed(directory: Path, broker: str, name: str, records: list[Pair]) -> float:
    """Records per second of a worker that finds `records` in the log."""
    settings = {"app": name, "clock": "event", "partials.interval": "100ms"}
    with WorkerProcess(directory, name, broker, **settings) as worker:
        wait_until(lambda: bool(worker.report().get("ready")), f"{name} is ready")
        filled = time.perf_counter()
        asyncio.run(fill(broker, topics.CONTACTS, records))
        wait_until(
            lambda: worker.report().get("events", {}).get("read") == len(records),
            f"{name} has read all",
            seconds=100,
        )
        seconds = time.perf_counter() - filled

        assert worker.stop() == 0
    return len(records) / seconds


def test_a_stream_of_bad_records_is_not_much_slower(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """Aim: no less than half of the speed; asserted with room for a busy machine."""
    chance = Random(3)
    good_ones: list[Pair] = [
        (contact.encode(), value) for contact, value in contact_records(RACE)
    ]
    bad_ones: list[Pair] = []
    while len(bad_ones) < RACE:
        for key, value in bad_records(chance, 10_000):
            try:
                decode_contact_event(value)
            except BadRecord:
                bad_ones.append((key, value))
    rates = {}
    for name, records in (("good", good_ones), ("bad", bad_ones[:RACE])):
        asyncio.run(delete_topics(fresh_kafka.bootstrap))
        asyncio.run(topics.create_missing(Settings(bootstrap=fresh_kafka.bootstrap)))
        rates[name] = speed(tmp_path, fresh_kafka.bootstrap, name, records)
    ratio = rates["bad"] / rates["good"]
    told = f"good {rates['good']:,.0f}/s, bad {rates['bad']:,.0f}/s: {ratio:.2f}"
    sys.stdout.write(told + "\n")

    assert ratio > 0.3, told


def test_a_flood_of_queue_names_is_folded_over_all_partitions(
    broker: str, tmp_path: Path
) -> None:
    """As many names as fit, the rest as one; no counter falls; told of once."""
    limit, names = 40, 8_000
    settings = {"app": "flood", "limits.queues": limit, "clock": "event"}
    begin = now_ms()

    def flood(first: int) -> list[Pair]:
        return [
            (
                f"c{n}".encode(),
                encode_event(
                    Event(
                        begin + n,
                        int(Kind.QUEUED),
                        f"c{n}",
                        queue=f"q{n}" if n % 4 else "support",
                        source=f"s{n}",
                        agent=f"a{n}",
                    )
                ),
            )
            for n in range(first, first + names)
        ]

    def offered(worker: WorkerProcess) -> Counter[str]:
        queues = worker.report().get("queues", {})
        return Counter({name: queue["offered"] for name, queue in queues.items()})

    with WorkerProcess(tmp_path, "one", broker, **settings) as worker:
        wait_until(lambda: bool(worker.report().get("ready")), "the worker is ready")
        asyncio.run(fill(broker, topics.CONTACTS, flood(0)))
        wait_until(lambda: offered(worker).total() == names, "the flood is counted")
        before = offered(worker)
        asyncio.run(fill(broker, topics.CONTACTS, flood(names)))
        wait_until(lambda: offered(worker).total() == 2 * names, "the next one is too")
        after = offered(worker)
        samples = worker.metrics()
        sources = [name for name in samples if name.startswith(LAST_EVENT)]

        assert worker.report()["drift"] == 0
        assert worker.stop() == 0
        assert worker.log.read_text().count("state=folding_queues") == 1

    most = PARTITIONS * share_of(limit, PARTITIONS) + 1
    assert len(before) <= most
    assert after.keys() == before.keys()
    assert all(after[name] >= count for name, count in before.items())
    assert after["support"] == names // 2
    assert after[OTHER_QUEUE] > names
    assert sum(v for k, v in samples.items() if k.startswith(FOLDED)) > names
    assert len(sources) <= 1_001

    with WorkerProcess(tmp_path, "two", broker, **settings) as worker:
        wait_until(lambda: offered(worker).total() == 2 * names, "a new owner has all")

        assert len(offered(worker)) <= most
        assert offered(worker)["support"] == names // 2
        assert worker.stop() == 0


LAST_EVENT = "callcenter_source_last_event_timestamp_seconds"
FOLDED = "callcenter_events_folded_total"


async def write_meta(bootstrap: str, version: int) -> None:
    """The meta row of another version into every partition of the durable state."""
    row = orjson.dumps({"v": version, "next": 0, "anything": ["else"]})
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for number in range(PARTITIONS):
            await producer.send_and_wait(
                topics.CONTACTS_STATE, row, META_KEY, partition=number
            )
    finally:
        await producer.stop()


def test_a_worker_that_meets_newer_state_stops_and_writes_nothing(
    broker: str, tmp_path: Path
) -> None:
    """An exit code of its own, and a sentence that says which release is needed.

    Guessing would be worse than standing still.
    """
    asyncio.run(fill(broker, topics.CONTACTS, good("c", now_ms())))
    asyncio.run(write_meta(broker, STATE_VERSION + 1))
    with WorkerProcess(tmp_path, "older", broker, app="older") as worker:
        assert wait_for_exit(worker) == EXIT_NEWER_STATE
        said = worker.log.read_text()

    assert f"the durable state has version {STATE_VERSION + 1}" in said
    assert "or a newer one" in said
    assert "Traceback" not in said
    state = asyncio.run(read_all(broker, topics.CONTACTS_STATE))
    assert len(state) == PARTITIONS
    assert asyncio.run(read_all(broker, topics.VISITS)) == []
    assert asyncio.run(read_all(broker, topics.QUEUE_PARTIALS)) == []
