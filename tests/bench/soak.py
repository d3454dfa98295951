"""A worker under steady load for as long as you like: does anything grow or stall?

    python -m tests.bench.soak [--seconds 3600] [--rate 10000] [--workers 1]

Real Kafka, `clock: wall`, default settings but those that are given with `--set`. A
line every half minute: events a second, memory, lag, the worst delay of the event loop.
At the end: memory of the second half against the middle, lag, how often the loop was
held up for more than 50 ms, and whether every event was counted once.

Exit code 0: memory flat, lag gone, nothing lost; 1: not so.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from monitor.config import load
from monitor.pipeline.topics import create_missing
from tests.bench.live_feed import LiveFeed
from tests.support.kafka import KafkaServer
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

EVERY_SECONDS = 30.0
PARTITIONS = 4
PAGE_KIB = 1024
FLAT = 1.05
"""Memory may end this many times as high as it was half way."""
LOOK_SECONDS = 5.0


class Look(NamedTuple):
    """All workers at one moment."""

    at: float
    read: float
    rss_mib: float
    lag_records: float
    behind: float
    loop_delay: float
    blocked: float
    different: float


def look(workers: list[WorkerProcess], began: float) -> Look:
    samples = [worker.metrics() for worker in workers]

    def total(name: str) -> float:
        return sum(v for s in samples for n, v in s.items() if n.startswith(name))

    def worst(name: str) -> float:
        found = [v for s in samples for n, v in s.items() if n.startswith(name)]
        return max(found, default=0.0)

    now = time.time()
    as_of = [s.get("callcenter_as_of_timestamp_seconds", now) for s in samples]
    return Look(
        at=now - began,
        read=total("callcenter_events_total"),
        rss_mib=sum(map(memory_mib, workers)),
        lag_records=total("callcenter_consumer_lag_records"),
        behind=now - min(as_of),
        loop_delay=worst("callcenter_event_loop_delay_seconds"),
        blocked=total("callcenter_event_loop_blocked_total"),
        different=total('callcenter_self_checks_total{result="different"}'),
    )


def memory_mib(worker: WorkerProcess) -> float:
    """Resident memory, MiB."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / PAGE_KIB


def show(now: Look, before: Look, feed: LiveFeed) -> None:
    rate = (now.read - before.read) / max(1e-9, now.at - before.at)
    sys.stdout.write(
        f"{now.at:6.0f} s  {rate:8,.0f} events/s  {now.rss_mib:7,.0f} MiB  "
        f"lag {now.lag_records:7,.0f}  behind {now.behind:5.1f} s  "
        f"loop {now.loop_delay * 1000:5.0f} ms, {now.blocked:.0f} over 50 ms  "
        f"sender late {feed.late:.2f} s\n"
    )
    sys.stdout.flush()


def soak(directory: Path, told: argparse.Namespace) -> list[str]:
    """Run it; what is wrong."""
    looks: list[Look] = []
    with KafkaServer(directory / "kafka") as kafka:
        options = [f"bootstrap={kafka.bootstrap}", f"topics.partitions={PARTITIONS}"]
        asyncio.run(create_missing(load(None, options, {})))
        settings = dict(option.split("=", 1) for option in told.set)
        workers = [
            WorkerProcess(directory, f"soak-{n}", kafka.bootstrap, **settings)
            for n in range(told.workers)
        ]
        try:
            wait_until(
                lambda: all(w.report().get("ready") for w in workers),
                "the workers are ready",
                seconds=60,
            )
            feed = LiveFeed(kafka.bootstrap, told.rate, told.seconds, told.queues)
            feed.start()
            began = time.time()
            looks.append(look(workers, began))
            while feed.is_alive:
                due = looks[-1].at + EVERY_SECONDS
                feed.join(began + due - time.time())
                looks.append(look(workers, began))
                show(looks[-1], looks[-2], feed)
            wait_until(
                lambda: look(workers, began).read >= feed.sent,
                "everything is read",
                seconds=120,
            )
            return verdict(looks, workers, feed)
        finally:
            for worker in workers:
                worker.kill()


def verdict(
    looks: list[Look], workers: list[WorkerProcess], feed: LiveFeed
) -> list[str]:
    """What is wrong, and the figures printed."""
    end = looks[-1]
    middle = looks[len(looks) // 2]
    reports = [worker.report() for worker in workers]
    offered = sum(r["total"]["offered"] for r in reports)
    waiting = sum(r["total"]["waiting"] for r in reports)
    sys.stdout.write(
        f"{feed.sent:,} events of {feed.offered:,} contacts in {end.at:.0f} s; memory "
        f"{middle.rss_mib:,.0f} MiB half way, {end.rss_mib:,.0f} MiB at the end; worst "
        f"loop delay {max(one.loop_delay for one in looks) * 1000:.0f} ms, "
        f"{end.blocked:.0f} over 50 ms; offered {offered:,}, waiting {waiting}\n"
    )
    wrong = []
    if end.rss_mib > middle.rss_mib * FLAT:
        wrong.append("memory grows")
    if offered != feed.offered or waiting or any(r["drift"] for r in reports):
        wrong.append("the numbers are not those that were sent")
    if end.different:
        wrong.append("a worker's state disagrees with itself")
    if end.blocked:
        wrong.append(f"the event loop was held up over 50 ms {end.blocked:.0f} times")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--rate", type=float, default=10_000.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--queues", type=int, default=100)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        wrong = soak(Path(directory), told)
    for line in wrong:
        sys.stdout.write(f"WRONG: {line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
