"""How long from `kill -9` to right numbers, with many open contacts, on a real Kafka.

    python -m tests.bench.recovery_bench [CONTACTS] [ROUNDS]

Two workers share the partitions and all open contacts; one is killed. Its session has
to run out (`session_timeout`) before the group gives its partitions to the other: that
is the price of not taking a short pause for a death. What is measured beside it is what
the product can be blamed for: from the reassignment to the instant at which every
number is shown again and right.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from monitor.config import load
from monitor.core.events import Event, Kind
from monitor.pipeline.topics import create_missing
from tests.support.feeding import feed, feed_everywhere
from tests.support.kafka import KafkaServer
from tests.support.topics import delete_topics
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

PARTITIONS = 4
QUEUES = 20
AGENTS = 3_000
START = 1_780_000_000_000
SESSION_SECONDS = 10.0
"""The default: three heartbeats in a row may be missed."""
SETTINGS: dict[str, object] = {
    "clock": "event",
    "topics.partitions": PARTITIONS,
    "session_timeout": f"{SESSION_SECONDS:g}s",
}


class Recovery(NamedTuple):
    """Seconds of one round, each from `kill -9`."""

    reassigned: float
    right: float


def open_contacts(count: int) -> list[Event]:
    """Contacts of ten minutes; every second one is talking, the others wait."""
    events = []
    for number in range(count):
        at = START + number * 600_000 // count
        contact, queue = f"c{number:07}", f"q{number % QUEUES}"
        events.append(Event(at, Kind.QUEUED, contact, queue=queue, source="pbx1"))
        if number % 2:
            agent = f"a{number % AGENTS}"
            events.append(
                Event(at + 9_000, Kind.ANSWERED, contact, agent=agent, source="pbx1")
            )
    return sorted(events)


def total(worker: WorkerProcess) -> tuple[int, int, int, int]:
    """Offered, answered, waiting and drift of all queues; -1 while it isn't ready."""
    report = worker.report()
    numbers = report.get("total", {})
    if not report.get("ready"):
        return -1, -1, -1, -1
    return (
        numbers["offered"],
        numbers["answered"],
        numbers["waiting"],
        report["drift"],
    )


def together(workers: list[WorkerProcess]) -> tuple[int, ...]:
    """The same of both workers: each queue is at one of them."""
    return tuple(map(sum, zip(*map(total, workers), strict=True)))


def measure(directory: Path, kafka: KafkaServer, count: int, name: str) -> Recovery:
    """Kill one of two workers that hold `count` open contacts."""
    right = (count, count // 2, count - count // 2, 0)
    settings = SETTINGS | {"app": name}
    with (
        WorkerProcess(directory, f"{name}-a", kafka.bootstrap, **settings) as first,
        WorkerProcess(directory, f"{name}-b", kafka.bootstrap, **settings) as second,
    ):
        both = [first, second]
        wait_until(lambda: together(both) == right, "both are right", seconds=300)
        wait_until(lambda: _shared(second), "each has a share", seconds=60)
        first.kill()
        killed_at = time.time()
        wait_until(lambda: total(second) == right, "it is right again", seconds=120)
        right_at = time.time()
        assigned_at = _last_assignment(second)
        second.stop()
    return Recovery(assigned_at - killed_at, right_at - killed_at)


def _shared(worker: WorkerProcess) -> bool:
    held = [
        name
        for name in worker.metrics()
        if name.startswith('callcenter_checkpoint_age_seconds{stream="contacts"')
    ]
    return len(held) == PARTITIONS // 2


def _last_assignment(worker: WorkerProcess) -> float:
    lines = worker.log.read_text().splitlines()
    line = [line for line in lines if "state=assigned" in line][-1]
    told = line.split("time=", 1)[1].split(" ", 1)[0]
    return datetime.fromisoformat(told).timestamp()


def main() -> None:
    """Run all rounds and print them."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    taken = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with KafkaServer(directory / "kafka") as kafka:
            settings = load(
                None,
                [f"bootstrap={kafka.bootstrap}", f"topics.partitions={PARTITIONS}"],
                {},
            )
            for number in range(rounds):
                asyncio.run(delete_topics(kafka.bootstrap))
                asyncio.run(create_missing(settings))
                events = open_contacts(count)
                asyncio.run(feed(kafka.bootstrap, events))
                end = Event(events[-1].at, Kind.MESSAGE, "end")
                asyncio.run(feed_everywhere(kafka.bootstrap, end))
                told = measure(directory, kafka, count, f"recovery-{number}")
                taken.append(told)
                print(
                    f"round {number + 1}: reassigned after {told.reassigned:.1f} s, "
                    f"right {told.right - told.reassigned:.1f} s later",
                    flush=True,
                )
    after = statistics.median(one.right - one.reassigned for one in taken)
    print(
        f"{count:,} open contacts, session timeout {SESSION_SECONDS:g} s: right "
        f"numbers {after:.1f} s after the reassignment (median of {rounds})"
    )


if __name__ == "__main__":
    main()
