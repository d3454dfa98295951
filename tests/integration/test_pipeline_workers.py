"""Workers that die, pause and join: nothing is lost, nothing counts twice."""

import asyncio
import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

import pytest

from monitor.config import Settings
from monitor.pipeline import topics
from monitor.pipeline.fatal import EXIT_FENCED
from tests.support.feeding import feed, feed_everywhere, offline_report, read_all
from tests.support.generated_day import closing_event, generate_day
from tests.support.kafka import KafkaServer, free_port
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess, counters, wait_for_exit

SESSION = {"clock": "event", "session_timeout": "6s"}
SUMS = (
    "offered",
    "answered",
    "abandoned",
    "abandoned_short",
    "diverted",
    "expired",
    "waiting",
    "in_progress",
    "handled",
    "answered_wait_seconds_sum",
    "abandoned_wait_seconds_sum",
    "talk_seconds_sum",
    "acw_seconds_sum",
    "service_level",
    "windows",
)


@pytest.fixture
def broker(fresh_kafka: KafkaServer) -> str:
    """Address of a Kafka with the product's topics, all empty."""
    asyncio.run(topics.create_missing(Settings(bootstrap=fresh_kafka.bootstrap)))
    return fresh_kafka.bootstrap


def queues_of(*workers: WorkerProcess) -> dict[str, Any]:
    """The sums of each queue, from the worker that shows it."""
    shown: dict[str, Any] = {}
    for worker in workers:
        for name, queue in worker.report().get("queues", {}).items():
            shown[name] = {key: queue[key] for key in SUMS}
    return shown


def sums_of(report: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: queue[key] for key in SUMS}
        for name, queue in report["queues"].items()
    }


class Scraper:
    """Scrapes workers again and again; remembers counters that went down."""

    def __init__(self, workers: list[WorkerProcess]) -> None:
        self.fallen: list[tuple[str, float, float]] = []
        self.shown_twice: list[str] = []
        self.scrapes = 0
        self._workers = workers
        self._last: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            self.scrapes += 1
            shown: Counter[str] = Counter()
            for samples in counters(list(self._workers)).values():
                for name, value in samples.items():
                    if "queue=" not in name:
                        continue
                    shown[name] += 1
                    if value < self._last.get(name, 0.0):
                        self.fallen.append((name, self._last[name], value))
                    self._last[name] = value
            self.shown_twice += [name for name, times in shown.items() if times > 1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def self_checks(worker: WorkerProcess) -> dict[str, int]:
    """How the worker's looks at its own state ended."""
    prefix = 'callcenter_self_checks_total{result="'
    return {
        name.removeprefix(prefix).removesuffix('"}'): int(count)
        for name, count in worker.metrics().items()
        if name.startswith(prefix)
    }


def test_a_killed_worker_is_replaced_without_losing_or_repeating_an_event(
    broker: str, tmp_path: Path
) -> None:
    """Two workers, one killed -9 in the middle of the day, a third one joining."""
    events = generate_day(12_000, seed=2)
    closing = closing_event(events)
    expected = sums_of(offline_report([*events, closing]))
    settings = {"app": "kill", "self_check.interval": "1s", **SESSION}
    with (
        WorkerProcess(tmp_path, "one", broker, **settings) as one,
        WorkerProcess(tmp_path, "two", broker, **settings) as two,
    ):
        wait_until(
            lambda: bool(one.report().get("ready") and two.report().get("ready")),
            "both workers are ready",
        )
        workers = [one, two]
        with Scraper(workers) as scraper:
            feeding = threading.Thread(
                target=lambda: asyncio.run(feed(broker, events, per_second=4_000))
            )
            feeding.start()
            wait_until(
                lambda: sum(q["offered"] for q in queues_of(one, two).values()) > 3_000,
                "a quarter of the day is counted",
            )
            one.kill()
            with WorkerProcess(tmp_path, "three", broker, **settings) as three:
                workers.append(three)
                feeding.join()
                asyncio.run(feed_everywhere(broker, closing))
                wait_until(
                    lambda: queues_of(two, three) == expected,
                    "the numbers are those of the core alone",
                    seconds=60,
                )
                looked = Counter[str]()
                for worker in (two, three):
                    looked.update(self_checks(worker))
                drift = [w.report()["drift"] for w in (two, three)]
                owned = [len(w.report()["queues"]) for w in (two, three)]

                assert drift == [0, 0]
                assert sum(owned) == len(expected)
                assert looked["equal"] > 0
                assert looked["different"] == 0
                assert [two.stop(), three.stop()] == [0, 0]
        assert scraper.scrapes > 10
        assert scraper.fallen == []
        assert scraper.shown_twice == []

    visits = [json.loads(r.value) for r in asyncio.run(read_all(broker, topics.VISITS))]
    seen = Counter((visit["contact"], visit["visit"]) for visit in visits)

    assert len(seen) == sum(queue["offered"] for queue in expected.values())
    assert set(seen.values()) == {1}


def test_a_worker_that_slept_through_its_session_ends_when_it_wakes(
    broker: str, tmp_path: Path
) -> None:
    """Its partitions have a new owner: its next commit is refused, and it says so."""
    events = generate_day(3_000, seed=3)
    closing = closing_event(events)
    expected = sums_of(offline_report([*events, closing]))
    settings = {"app": "zombie", **SESSION}
    with WorkerProcess(tmp_path, "zombie", broker, **settings) as zombie:
        wait_until(lambda: bool(zombie.report().get("ready")), "the worker is ready")
        feeding = threading.Thread(
            target=lambda: asyncio.run(feed(broker, events, per_second=2_000))
        )
        feeding.start()
        wait_until(lambda: bool(queues_of(zombie)), "the worker shows queues")
        zombie.pause()
        with WorkerProcess(tmp_path, "heir", broker, **settings) as heir:
            feeding.join()
            asyncio.run(feed_everywhere(broker, closing))
            wait_until(
                lambda: queues_of(heir) == expected, "the heir has all", seconds=60
            )
            zombie.go_on()

            assert wait_for_exit(zombie) == EXIT_FENCED
            assert "another worker has taken over" in zombie.log.read_text()
            wait_until(lambda: queues_of(heir) == expected, "the heir goes on")


def test_a_stopped_worker_leaves_its_state_and_its_place_at_once(
    broker: str, tmp_path: Path
) -> None:
    """SIGTERM: a last checkpoint, out of the group, exit code 0, the next goes on."""
    events = generate_day(1_000, seed=4)
    expected = sums_of(offline_report(events))
    settings = {"app": "stop", "clock": "event", "checkpoint.interval": "1m"}
    with WorkerProcess(tmp_path, "first", broker, **settings) as first:
        asyncio.run(feed(broker, events))
        wait_until(
            lambda: first.report().get("events", {}).get("read") == len(events),
            "all events are read",
        )
        before = time.monotonic()

        assert first.stop() == 0
        assert time.monotonic() - before < 5
    state = asyncio.run(read_all(broker, topics.CONTACTS_STATE))
    with WorkerProcess(tmp_path, "second", broker, **settings) as second:
        wait_until(lambda: bool(second.report().get("ready")), "the second is ready")
        wait_until(
            lambda: second.report().get("events", {}).get("read") == len(events),
            "the second has what the first read",
        )

        assert len(state) > 100
        for name, queue in queues_of(second).items():
            assert queue["offered"] == expected[name]["offered"]


def test_a_broker_that_is_down_is_tried_again_and_again(tmp_path: Path) -> None:
    """It says whom it tries, answers that it is not ready, and can be stopped."""
    nobody = f"127.0.0.1:{free_port()}"
    with WorkerProcess(tmp_path, "patient", nobody) as worker:
        wait_until(
            lambda: worker.log.read_text().count("state=unreachable") >= 2,
            "two attempts are told of",
        )
        report = worker.report()

        assert (report["ready"], report["reason"]) == (
            False,
            "connecting to the broker",
        )
        assert f"broker={nobody}" in worker.log.read_text()
        assert worker.stop() == 0


def test_a_state_of_another_app_is_refused(broker: str, tmp_path: Path) -> None:
    """A worker under another --app ends with a sentence, and writes nothing."""
    day = generate_day(contacts=20, seed=5)
    asyncio.run(feed(broker, day))
    with WorkerProcess(tmp_path, "first", broker, **SESSION) as first:
        wait_until(lambda: bool(queues_of(first)), "the first app's numbers")
        assert first.stop() == 0
    before = state_rows(broker)
    with WorkerProcess(tmp_path, "second", broker, app="other", **SESSION) as second:
        wait_for_exit(second)

        assert "written by the app 'callcenter'" in second.log.read_text()
        assert "Traceback" not in second.log.read_text()
    assert state_rows(broker) == before


def state_rows(broker: str) -> list[tuple[int, int, bytes, bytes | None]]:
    """Every row of the durable state, in order."""
    records = asyncio.run(read_all(broker, topics.CONTACTS_STATE))
    return sorted((r.partition, r.offset, r.key, r.value) for r in records)
