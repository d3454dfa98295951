"""`ccmon verify` on a real Kafka: equal when it is, and every way in which it isn't."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import OffsetOutOfRangeError

from monitor.cli.main import main
from monitor.config import Settings
from monitor.core.events import Event
from monitor.pipeline import topics
from monitor.pipeline.log_reader import open_reader
from monitor.wire.migrations import META_KEY
from tests.support.batches import Pair, fill
from tests.support.feeding import feed, read_all
from tests.support.generated_day import generate_day
from tests.support.kafka import KafkaServer, free_port
from tests.support.topics import delete_topics
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

PARTITIONS = 4
WORKER = {"clock": "event", "session_timeout": "6s", "partials.complete_interval": "1s"}
BAD: list[Pair] = [
    (b"a", b"no json"),
    (b"b", b'{"type": "contact.queued", "at": 1767250800000, "contact": "c1"}'),
    (b"c", b'{"type": "contact.sang", "at": 1767250800000, "contact": "c1"}'),
    (b"d", None),
] * 25
SOON_STALE = "--set=partials.complete_interval=500ms"
"""Makes `verify` look back for 3 s only, so that a stopped worker counts as gone."""

Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture(name="broker")
def _broker(fresh_kafka: KafkaServer) -> str:
    """Address of a Kafka with the product's topics, all empty."""
    asyncio.run(topics.create_missing(Settings(bootstrap=fresh_kafka.bootstrap)))
    return fresh_kafka.bootstrap


@pytest.fixture(name="verify")
def _verify(broker: str, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `ccmon verify`: exit code, the JSON, errors."""

    def run(*arguments: str) -> tuple[int, dict[str, Any], str]:
        given = ["--bootstrap", broker, "--set=clock=event", "--output=json"]
        code = main(["verify", *given, *arguments])
        captured = capfd.readouterr()
        return code, json.loads(captured.out or "{}"), captured.err

    return run


def verify_until_gone(verify: Run, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """What it says once nobody has told anything for a while."""
    deadline = time.monotonic() + 30
    while True:
        code, report, err = verify(SOON_STALE, *arguments)
        if {p["compared"] for p in report["partitions"]} == {"state"}:
            return code, report, err
        assert time.monotonic() < deadline, report
        time.sleep(0.5)


def read_of(worker: WorkerProcess) -> Any:
    return worker.report().get("events", {}).get("read")


def worker_that_read(
    directory: Path, name: str, broker: str, count: int, **settings: object
) -> WorkerProcess:
    """A worker that is ready and has read `count` records; use it in a `with`."""
    worker = WorkerProcess(directory, name, broker, **WORKER | settings)
    try:
        wait_until(
            lambda: read_of(worker) == count and bool(worker.report().get("ready")),
            f"{name} has read {count} records",
            seconds=60,
        )
    except BaseException:
        worker.kill()
        raise
    return worker


def different(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (partition["partition"], *difference.values())
        for partition in report["partitions"]
        for difference in partition["differences"]
    ]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize("clock", ["event", "wall"])
def test_what_a_worker_counted_is_what_the_log_says(
    clock: str, broker: str, verify: Run, tmp_path: Path
) -> None:
    """Half-way, when all is read, and from the durable state after a `kill -9`."""
    day = generate_day(3_000, seed=21)
    shift = now_ms() - 1_000 - day[-1].at if clock == "wall" else 0
    events = [event._replace(at=event.at + shift) for event in day]
    asyncio.run(feed(broker, events[:4_000]))
    asyncio.run(fill(broker, topics.CONTACTS, BAD))
    set_clock = f"--set=clock={clock}"
    with worker_that_read(tmp_path, "worker", broker, 4_100, clock=clock) as worker:
        code, report, _ = verify(set_clock)
        assert (code, report["result"]) == (0, "equal")

        asyncio.run(feed(broker, events[4_000:]))
        code, report, err = verify(set_clock)
        assert (code, different(report), err) == (0, [], "")

        count = len(events) + len(BAD)
        wait_until(lambda: read_of(worker) == count, "the rest is read")
        wait_until(lambda: verify(set_clock)[1]["records"] == count, "the rest is told")
        code, report, _ = verify(set_clock)
        worker.kill()
    assert (code, different(report)) == (0, [])
    assert {p["compared"] for p in report["partitions"]} == {"partials"}
    assert all(p["log"]["is_whole"] for p in report["partitions"])
    assert {p["newer"] for p in report["partitions"]} == {0}
    assert report["queues"] == 12
    assert report["numbers"] > 4 * 12 * 50

    code, report, _ = verify_until_gone(verify, set_clock)
    assert (code, different(report), report["result"]) == (0, [], "equal")
    assert report["numbers"] > 4 * 12 * 50


def total_row(broker: str) -> tuple[int, bytes, list[dict[str, int]]]:
    """Partition, key and content of the newest row of some queue's total."""
    rows = {
        (record.partition, record.key): record.value
        for record in asyncio.run(read_all(broker, topics.CONTACTS_STATE))
    }
    (number, key), value = next(
        (place, value)
        for place, value in sorted(rows.items())
        if place[1][:1] == b"q" and orjson.loads(place[1][1:])[2] == "t"
    )
    return number, key, orjson.loads(value)


async def write(broker: str, partition: int, key: bytes, value: bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        await producer.send_and_wait(
            topics.CONTACTS_STATE, value, key, partition=partition
        )
    finally:
        await producer.stop()


def test_a_wrong_row_is_found_and_named(
    broker: str, verify: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the state, and in what the next worker makes of it."""
    events = generate_day(600, seed=22)
    asyncio.run(feed(broker, events))
    with worker_that_read(tmp_path, "first", broker, len(events)) as first:
        assert first.stop() == 0
    assert verify_until_gone(verify)[0] == 0
    number, key, (total, corrected) = total_row(broker)
    queue = orjson.loads(key[1:])[0]
    right = total["offered"]
    wrong = [total | {"offered": right + 1}, corrected]
    asyncio.run(write(broker, number, key, orjson.dumps(wrong)))

    code, report, err = verify_until_gone(verify)
    expected = [(number, queue, "voice", "total.offered", right + 1, right)]
    assert (code, different(report)) == (1, expected)
    assert "1 of" in err
    with worker_that_read(tmp_path, "second", broker, len(events)):
        code, report, _ = verify()
        assert {p["compared"] for p in report["partitions"]} == {"partials"}
        assert (code, different(report)) == (1, expected)
        others = [n for n in range(PARTITIONS) if n != number]
        code, report, _ = verify(*(f"--partition={n}" for n in others))
        assert (code, len(report["partitions"])) == (0, 3)
        capfd.readouterr()
        assert main(["verify", "--bootstrap", broker, "--set=clock=event"]) == 1
    line = next(
        line.split()
        for line in capfd.readouterr().out.splitlines()
        if "total.offered" in line
    )
    assert line == [
        *(str(number), queue, "voice", "total.offered"),
        *(str(right + 1), str(right)),
    ]


async def forget_beginning(broker: str, share: float) -> None:
    """Delete that share of every partition of the log, as its retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        async with open_reader(Settings(bootstrap=broker)) as reader:
            for number in range(PARTITIONS):
                tp = TopicPartition(topics.CONTACTS, number)
                end = (await reader.bounds(tp)).end
                before = RecordsToDelete(before_offset=int(end * share))
                await admin.delete_records({tp: before})
                assert (await reader.bounds(tp)).first == int(end * share) > 0
    finally:
        await admin.close()


async def read_from_start(broker: str) -> None:
    """Read a partition whose beginning is gone from offset 0 on."""
    tp = TopicPartition(topics.CONTACTS, 0)
    async with open_reader(Settings(bootstrap=broker)) as reader:
        end = (await reader.bounds(tp)).end
        with pytest.raises(OffsetOutOfRangeError):
            async for _ in reader.read(tp, 0, end):
                pass


def test_a_log_without_its_beginning_is_compared_as_far_as_it_goes(
    broker: str, verify: Run, tmp_path: Path
) -> None:
    """Not the totals, but the windows; and never is anything else called equal."""
    events = generate_day(2_500, seed=23, hours=12)
    asyncio.run(feed(broker, events))
    with worker_that_read(tmp_path, "worker", broker, len(events)):
        wait_until(lambda: verify()[1]["records"] == len(events), "all is told")
        asyncio.run(forget_beginning(broker, 0.2))
        asyncio.run(read_from_start(broker))  # nothing is skipped in silence
        code, report, _ = verify()

        assert (code, different(report)) == (0, [])
        for partition in report["partitions"]:
            assert partition["log"]["is_whole"] is False
            assert partition["log"]["first_offset"] > 0
            groups = {skip["group"] for skip in partition["not_compared"]}
            assert groups == {"counts", "total", "today"}
            assert partition["numbers"] > 100

        asyncio.run(forget_beginning(broker, 0.95))
        code, report, err = verify()
        assert (code, report["result"], report["numbers"]) == (1, "not_compared", 0)
        assert "nothing could be compared of partition 0, 1, 2, 3" in err

        asyncio.run(forget_beginning(broker, 1.0))
        assert "holds no event" in verify()[1]["partitions"][0]["why_not"]


async def make_anew(broker: str) -> None:
    """The log, empty; everything else stays."""
    keep = [topic.name for topic in topics.TOPICS if topic.name != topics.CONTACTS]
    await delete_topics(broker, keep=keep)
    await topics.create_missing(Settings(bootstrap=broker))


def test_what_cannot_be_compared_is_told(
    broker: str, verify: Run, tmp_path: Path
) -> None:
    """Nothing there yet, nobody counted it, another app, damaged rows, another log."""
    code, report, err = verify()
    assert (code, report["result"]) == (1, "not_compared")
    assert "there is nothing yet" in err

    events: Sequence[Event] = generate_day(60, seed=24)
    asyncio.run(feed(broker, events))
    code, report, err = verify()
    assert code == 1
    assert {p["why_not"] for p in report["partitions"]} == {
        "no worker has counted it yet"
    }

    with worker_that_read(tmp_path, "worker", broker, len(events)) as worker:
        assert worker.stop() == 0
    assert verify_until_gone(verify)[0] == 0
    code, _, err = verify(SOON_STALE, "--app=other")
    assert code == 2
    assert "written by the app 'callcenter'" in err

    state = {
        (record.partition, record.key): record.value
        for record in asyncio.run(read_all(broker, topics.CONTACTS_STATE))
    }
    asyncio.run(write(broker, 0, META_KEY, None))
    code, report, err = verify(SOON_STALE)
    assert code == 1
    assert "rows but no meta row" in report["partitions"][0]["why_not"]
    assert report["partitions"][1]["why_not"] is None
    asyncio.run(write(broker, 0, META_KEY, state[0, META_KEY]))
    asyncio.run(write(broker, 1, b"czz", b"garbage"))
    code, report, _ = verify(SOON_STALE)
    assert code == 1
    assert "can't be read: JSONDecode" in report["partitions"][1]["why_not"]
    asyncio.run(write(broker, 1, b"czz", None))
    assert verify(SOON_STALE)[0] == 0

    asyncio.run(make_anew(broker))
    code, report, err = verify(SOON_STALE)
    assert code == 1
    assert "its log ends at 0: it was deleted" in report["partitions"][0]["why_not"]


def test_a_wrong_call_is_the_users_mistake(
    fresh_kafka: KafkaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """No topics, no such partition: exit code 2 and a way out."""
    options = ["verify", "--bootstrap", fresh_kafka.bootstrap, "--partition=4"]

    assert main(options) == 2
    assert "`ccmon topics create` makes it" in capsys.readouterr().err
    asyncio.run(topics.create_missing(Settings(bootstrap=fresh_kafka.bootstrap)))
    assert main(options) == 2
    assert "there is no partition 4: callcenter.contacts has 0 to 3" in (
        capsys.readouterr().err
    )


def test_without_a_broker_it_says_whom_it_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 3, one line."""
    nobody = f"127.0.0.1:{free_port()}"

    assert main(["verify", "--bootstrap", nobody]) == 3
    err = capsys.readouterr().err
    assert nobody in err
    assert len(err.splitlines()) == 1
