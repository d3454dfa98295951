"""More events than one worker can take: what is seen of it from outside.

    python -m tests.support.load [--seconds 60] [--times 3]

First a backlog, which tells how fast the worker is; then new events come at a multiple
of that, each stamped with the instant at which it is sent; then nothing, until it has
caught up. Broker, producer and worker share the machine, so the multiple that was
reached is measured, too.

Rule: calls live for a second or two and the horizon is as short, so that the state is
as large after the backlog as it will ever be: memory that grows afterwards is memory
that grows with what isn't read yet.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer

from monitor.config import Settings, load
from monitor.core.partition import Partition
from monitor.pipeline.topics import create_missing
from tests.support.calls import PARTITIONS, Load, Ticks, events_of
from tests.support.contacts import report_of
from tests.support.kafka import KafkaServer
from tests.support.waiting import wait_until
from tests.support.watch import Look, Looks, lasting
from tests.support.workers import WorkerProcess

SETTINGS: dict[str, object] = {
    "app": "overload",
    "horizon": "2s",
    "channels.voice.service_level.threshold": "1s",
}
BACKLOG = 200_000
BATCH_BYTES = 900_000
FOLD_AT_ONCE = 2_000


@dataclass
class Overload:
    """What was measured, and what was shown in the end."""

    rate: float
    """Records a second that the worker takes when nothing else comes."""
    before: Look
    sent_rate: float = 0.0
    taken_rate: float = 0.0
    """Records a second that came, and how many of them it took meanwhile."""
    catch_up_seconds: float = 0.0
    flood: list[Look] = field(default_factory=list)
    catching_up: list[Look] = field(default_factory=list)
    silent: int = 0
    shown: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    log: str = ""

    @property
    def looks(self) -> list[Look]:
        return self.flood + self.catching_up

    def most(self, name: str) -> float:
        """The highest of one of the figures of a look."""
        return max(float(getattr(look, name)) for look in self.looks)

    def longest_silence(self) -> float:
        """Seconds for which the numbers were of one instant, and no newer ones came."""
        changed, longest = self.looks[0], 0.0
        for look in self.looks:
            if look.as_of != changed.as_of:
                changed = look
            longest = max(longest, look.at - changed.at)
        return longest

    def told(self) -> str:
        """The figures, for a person."""
        unready = {look.reason for look in self.looks} - {""}
        return (
            f"alone it takes {self.rate:,.0f} records/s\n"
            f"then {self.sent_rate:,.0f} records/s came, "
            f"{self.sent_rate / self.rate:.1f} times as many, of which it took "
            f"{self.taken_rate:,.0f}\n"
            f"lag {self.most('lag'):,.0f} records, {self.most('behind_seconds'):.1f} s "
            "behind at most\n"
            f"memory {self.before.memory_mb:.0f} MB before, "
            f"{self.most('memory_mb'):.0f} MB at most\n"
            f"slowest /metrics {self.most('metrics_seconds'):.2f} s, slowest /healthz "
            f"{self.most('healthz_seconds'):.2f} s, {len(self.looks)} looks, "
            f"{self.silent} without an answer\n"
            f"numbers stood still for {self.longest_silence():.1f} s at most\n"
            f"not ready: {', '.join(sorted(unready)) or 'never'}\n"
            f"caught up {self.catch_up_seconds:.1f} s after the last event\n"
            f"equal to the core: {self.shown == self.expected}\n"
        )


async def overload(
    directory: Path, bootstrap: str, *, seconds: float, times: float = 3.0
) -> Overload:
    """Send `times` what one worker takes for `seconds`, and wait until it is read."""
    await create_missing(settings_of(bootstrap))
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_batch_size=BATCH_BYTES, acks=1
    )
    await producer.start()
    try:
        calls = Load(producer)
        await calls.backlog(BACKLOG)
        with WorkerProcess(directory, "worker", bootstrap, **SETTINGS) as worker:
            result = await _flood(worker, calls, seconds, times)
            expected = _beside(fold, calls.ticks, bootstrap)
            await _work_off(worker, result)
            result.expected = await expected
            await asyncio.to_thread(_compare, worker, result)
            worker.stop()
            result.log = worker.log.read_text()
            return result
    finally:
        await producer.stop()


async def _flood(
    worker: WorkerProcess, calls: Load, seconds: float, times: float
) -> Overload:
    rate = await asyncio.to_thread(rate_of, worker)
    await asyncio.to_thread(catch_up, worker, seconds=60)
    with Looks(worker) as looks:
        result = Overload(rate, await asyncio.to_thread(looks.look_well))
        before, began = calls.sent, time.monotonic()
        result.sent_rate = await calls.flood(times * rate, seconds)
        unread = await asyncio.to_thread(lag_of, worker)
        took = time.monotonic() - began
        result.taken_rate = (calls.sent - before - unread) / took
    result.flood, result.silent = looks.all, looks.silent
    return result


async def _work_off(worker: WorkerProcess, result: Overload) -> None:
    began = time.monotonic()
    with Looks(worker) as looks:
        await asyncio.to_thread(catch_up, worker, seconds=600)
    result.catch_up_seconds = time.monotonic() - began
    result.catching_up = looks.all
    result.silent += looks.silent


def _beside(
    work: Callable[[Ticks, str], dict[str, Any]], *arguments: Any
) -> "asyncio.Future[dict[str, Any]]":
    """Do it in a process of its own that takes only what the others leave."""
    pool = ProcessPoolExecutor(
        1, get_context("spawn"), initializer=os.nice, initargs=(19,)
    )
    done = asyncio.get_running_loop().run_in_executor(pool, work, *arguments)
    pool.shutdown(wait=False)
    return done


def _compare(worker: WorkerProcess, result: Overload) -> None:
    """Wait until the worker shows what the core alone says, and keep what it shows."""

    def is_equal() -> bool:
        result.shown = lasting(worker.report())
        return result.shown == result.expected

    with suppress(AssertionError):
        wait_until(is_equal, "equal numbers", seconds=30)


def settings_of(bootstrap: str) -> Settings:
    overrides = [f"{name}={value}" for name, value in SETTINGS.items()]
    return load(None, [f"bootstrap={bootstrap}", *overrides], {})


def lag_of(worker: WorkerProcess) -> float:
    """Records that aren't applied yet; infinite while the worker doesn't say."""
    body = worker.get("/api/v1/health")
    partitions = json.loads(body)["partitions"].values() if body else ()
    lags = [p["consumer_lag_records"] for p in partitions]
    return sum(lags) if len(lags) == PARTITIONS else float("inf")


def catch_up(worker: WorkerProcess, *, seconds: float) -> None:
    """Return when everything is applied and shown."""
    wait_until(
        lambda: lag_of(worker) == 0 and worker.report().get("behind_seconds") == 0,
        "it has caught up",
        seconds=seconds,
    )


def rate_of(worker: WorkerProcess) -> float:
    """Records a second of a worker that has a backlog and nothing else to do."""
    seen: list[tuple[float, float]] = []

    def is_read() -> bool:
        seen.append((time.monotonic(), lag_of(worker)))
        return seen[-1][1] == 0

    wait_until(is_read, "the backlog is read", seconds=120)
    steady = [(at, lag) for at, lag in seen if 0 < lag < 0.9 * BACKLOG]
    (first, most), (last, least) = steady[0], steady[-1]
    return (most - least) / (last - first)


def fold(ticks: Ticks, bootstrap: str) -> dict[str, Any]:
    """What the core alone makes of everything that was sent, a minute later."""
    partition = Partition(settings_of(bootstrap).rules())
    events = events_of(ticks)
    at = 0
    while some := list(islice(events, FOLD_AT_ONCE)):
        at = some[-1].at
        partition.apply(some, at)
        partition.advance(at)
        partition.finished()
    return lasting(report_of(partition, at + 60_000))


def main() -> None:
    """Run it once and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.load")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the flood")
    parser.add_argument("--times", type=float, default=3.0, help="what it takes alone")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with KafkaServer(directory / "kafka") as kafka:
            result = uvloop.run(
                overload(
                    directory, kafka.bootstrap, seconds=asked.seconds, times=asked.times
                )
            )
    print(result.told())  # noqa: T201


if __name__ == "__main__":
    main()
