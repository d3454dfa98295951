"""The pipeline on a real Kafka gives the numbers that the core alone gives."""

import asyncio
import csv
import json
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monitor.config import Settings
from monitor.pipeline import topics
from monitor.sources import anonymous_bank
from monitor.sources.recording import Recording
from tests.support.feeding import feed, feed_everywhere, offline_report, read_all
from tests.support.generated_day import closing_event, generate_day
from tests.support.kafka import KafkaServer
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

DATA = Path(__file__).parents[1] / "data"
ZONE = ZoneInfo("Asia/Jerusalem")
IN_TIME_MS = 20_000


def make_topics(kafka: KafkaServer) -> None:
    asyncio.run(topics.create_missing(Settings(bootstrap=kafka.bootstrap)))


def without_extremes(report: dict[str, Any]) -> dict[str, Any]:
    """A report's queues without what depends on when one looked: the most waiting."""
    queues: dict[str, Any] = {}
    for name, queue in report.get("queues", {}).items():
        queues[name] = {
            key: value
            for key, value in queue.items()
            if key not in ("waiting_max", "agents_in_hand", "oldest_waiting")
        }
    return queues


def test_one_worker_gives_the_numbers_of_the_core_alone(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """A day with repeats and disorder: every number of every queue, and no drift."""
    make_topics(fresh_kafka)
    events = generate_day(4_000, seed=1)
    closing = closing_event(events)
    expected = offline_report([*events, closing])
    with WorkerProcess(
        tmp_path, "worker", fresh_kafka.bootstrap, app="numbers", clock="event"
    ) as worker:
        asyncio.run(feed(fresh_kafka.bootstrap, events))
        asyncio.run(feed_everywhere(fresh_kafka.bootstrap, closing))
        wait_until(
            lambda: worker.report().get("events", {}).get("read") == len(events) + 4,
            "all events are read",
        )
        wait_until(
            lambda: without_extremes(worker.report()) == without_extremes(expected),
            "the numbers are those of the core alone",
        )
        report = worker.report()

        assert report["drift"] == 0
        wait_until(
            lambda: published(fresh_kafka.bootstrap) == offered_of(expected),
            "the topic of the queues' numbers has them too",
        )

        assert report["events"]["duplicate"] == expected["events"]["duplicate"] > 0
        assert worker.stop() == 0


def offered_of(report: dict[str, Any]) -> dict[str, int]:
    return {name: queue["offered"] for name, queue in report["queues"].items()}


def published(bootstrap: str) -> dict[str, int]:
    """Offered contacts by queue, from the newest records of the queues' topic."""
    newest: dict[str, int] = {}
    for record in asyncio.run(read_all(bootstrap, topics.QUEUE_METRICS)):
        value = json.loads(record.value)
        assert record.key.decode() == value["queue"]
        newest[value["queue"]] = value["offered"]
    return newest


def test_january_has_its_known_answers(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """A month of a real call center: its sums live, its hours from the visits."""
    make_topics(fresh_kafka)
    known = json.loads((DATA / "known_answers_january.json").read_text())
    january = Recording(DATA / "january1999.tsv.gz", anonymous_bank.KIND)
    events = list(january)
    with WorkerProcess(
        tmp_path, "worker", fresh_kafka.bootstrap, app="january", clock="event"
    ) as worker:
        asyncio.run(feed(fresh_kafka.bootstrap, events))
        asyncio.run(feed_everywhere(fresh_kafka.bootstrap, closing_event(events)))
        wait_until(
            lambda: worker.report().get("events", {}).get("read") == len(events) + 4,
            "all events are read",
            seconds=60,
        )
        total = worker.report()["total"]
        level = total["service_level"]

        assert worker.report()["drift"] == 0
        assert total["offered"] == known["offered_to_queue"] == 30_161
        assert total["answered"] == known["answered"] == 27_060
        assert total["abandoned"] == known["abandoned_in_queue"] == 3_101
        assert total["answered_wait_seconds_sum"] == known["sum_wait_answered"]
        assert level["answered_in_time"] == known["answered_within_20"] == 16_402
        assert worker.stop() == 0

    visits = asyncio.run(read_visits(fresh_kafka.bootstrap))
    early = [v for v in visits if v["fate"] == "abandoned" and in_time(v)]

    assert len(visits) == 30_161
    assert len(early) == known["abandoned_within_20"] == 1_006
    assert hours_of(visits) == known_hours()


async def read_visits(bootstrap: str) -> list[dict[str, Any]]:
    return [json.loads(r.value) for r in await read_all(bootstrap, topics.VISITS)]


def in_time(visit: dict[str, Any]) -> bool:
    return bool(visit["wait_ms"] <= IN_TIME_MS)


def hours_of(visits: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, int]]:
    """The figures of each local date and hour in which a visit was queued."""
    hours: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for visit in visits:
        queued = datetime.fromtimestamp(visit["queued_at"] / 1000, ZONE)
        hour = hours[queued.strftime("%y%m%d"), str(queued.hour)]
        hour["offered"] += 1
        hour[visit["fate"]] += 1
        if visit["fate"] == "answered":
            hour["sum_wait_answered"] += visit["wait_ms"] // 1000
            hour["answered_within_20"] += in_time(visit)
            hour["sum_service"] += visit["talk_ms"] // 1000
    return {key: dict(+counts) for key, counts in hours.items()}


def known_hours() -> dict[tuple[str, str], dict[str, int]]:
    with (DATA / "known_hourly_january.csv").open() as file:
        return {
            (row["date"], row["hour"]): {
                name: int(value)
                for name, value in row.items()
                if name not in ("month", "date", "hour") and int(value)
            }
            for row in csv.DictReader(file)
        }
