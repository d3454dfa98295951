"""What a worker's metrics say after a fault, and how soon: scrapes that are remembered.

Rule: seconds are counted from the fault to the first scrape that shows a sign of it;
what is looked at is `/metrics` and `/readyz`, as an alert would.
"""

import math
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

Samples = Mapping[str, float]
"""Values by series: name and labels as written."""
Sign = Callable[[Samples], bool]

COUNTED = re.compile(r"\w+_(total|bucket|count|sum)\b")
"""Series of counters and histograms; of the product's."""
LAST_EVENT = "callcenter_last_event_timestamp_seconds"
INFO = "callcenter_service_level_policy_info"
"""Its value is always 1, its labels are what would be unknown: it isn't shown then."""

LOOK_SECONDS = 1.0
OF_THE_MOMENT = (
    "agents_in_hand",
    "estimated_wait",
    "longest_wait_seconds",
    "oldest_waiting",
    "waiting_max",
    "windows",
    # Of people, whose time goes on:
    "adherence",
    "agents",
    "available_seconds",
    "away_seconds",
    "handling_seconds",
    "occupancy_ratio",
    "slots",
    "staffed_seconds",
)
"""What a report says that depends on when one looks."""


def samples_of(body: bytes) -> Samples:
    """Every sample of an exposition."""
    lines = body.decode().splitlines()
    pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in pairs if name}


def readyz(worker: WorkerProcess) -> tuple[int, str]:
    """Status and text of `/readyz`."""
    try:
        with urllib.request.urlopen(f"{worker.url}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().strip()


def total(samples: Samples, name: str) -> float:
    """The sum of a metric over its labels; NaN when there is none."""
    found = [value for key, value in samples.items() if key.partition("{")[0] == name]
    return sum(found) if found else math.nan


def sources(samples: Samples) -> set[str]:
    """The series of the sources' last events."""
    return {name for name in samples if name.startswith(LAST_EVENT)}


def age_of(samples: Samples, source: str) -> float:
    """Seconds since the last event of a source, by the worker's clock."""
    last = samples[f'{LAST_EVENT}{{source="{source}"}}']
    return samples["callcenter_clock_timestamp_seconds"] - last


def gauges(samples: Samples) -> set[str]:
    """Every gauge of a queue, by name and labels."""
    return {
        name
        for name in samples
        if "queue=" in name and not COUNTED.match(name) and not name.startswith(INFO)
    }


def all_unknown(samples: Samples, known: Iterable[str]) -> bool:
    """Whether every one of these gauges is there and NaN, and its queue stale."""
    return all(
        samples.get(name) == 1
        if name.startswith("callcenter_queue_stale")
        else math.isnan(samples.get(name, 0))
        for name in known
    )


def unknown_signs(worker: WorkerProcess, known: Iterable[str]) -> dict[str, Sign]:
    """Signs that nothing of what was `known` is known any more."""
    return {
        "not ready": lambda s: s["callcenter_ready"] == 0,
        "/readyz": lambda _: readyz(worker)[0] == 503,
        "stale partitions": lambda s: s["callcenter_stale_partitions"] > 0,
        "every gauge NaN": lambda s: all_unknown(s, known),
    }


def lasting(report: Mapping[str, Any]) -> dict[str, Any]:
    """The queues' numbers without what depends on when one looks."""
    return {
        name: {key: queue[key] for key in queue if key not in OF_THE_MOMENT}
        for name, queue in report.get("queues", {}).items()
    }


class Watch:
    """Scrapes a worker from now on; remembers when each sign was seen first."""

    def __init__(self, worker: WorkerProcess, signs: Mapping[str, Sign]) -> None:
        self.looks: list[Samples] = []
        self._worker = worker
        self._signs = signs
        self._seen: dict[str, float] = {}
        self._began = time.monotonic()

    def until_all(self, what: str, *, seconds: float) -> None:
        """Return when every sign was seen; AssertionError at the deadline."""
        try:
            wait_until(self._look, f"{what}: {', '.join(self._signs)}", seconds=seconds)
        finally:
            for name, at in self._seen.items():
                print(f"{what}: {name} after {at:.1f} s")  # noqa: T201

    def _look(self) -> bool:
        samples = self._worker.metrics()
        if not samples:
            return False  # too busy to answer in time: it is asked again
        self.looks.append(samples)
        for name, is_there in self._signs.items():
            if name not in self._seen and is_there(samples):
                self._seen[name] = time.monotonic() - self._began
        return self._seen.keys() == self._signs.keys()

    def absent(self, series: Iterable[str]) -> set[str]:
        """Those of `series` that a scrape didn't have."""
        return {name for look in self.looks for name in series if name not in look}

    def values(self, metric: str) -> set[float]:
        """Every number that a metric was shown with."""
        return {
            value
            for look in self.looks
            for name, value in look.items()
            if name.startswith(f"{metric}{{") and not math.isnan(value)
        }

    def fallen(self, before: Samples) -> set[str]:
        """Counters of queues and partitions that were shown lower than `before`."""
        return {
            name
            for name in before
            if COUNTED.match(name)
            and ("queue=" in name or "partition=" in name)
            and any(look.get(name, math.inf) < before[name] for look in self.looks)
        }


class Look(NamedTuple):
    """How the worker was at one moment."""

    at: float
    memory_mb: float
    lag: float
    """Records that aren't applied yet."""
    behind_seconds: float
    as_of: str
    clock: str
    reason: str
    """Why it isn't ready; empty when it is."""
    metrics_seconds: float
    healthz_seconds: float


class Looks:
    """Looks at a worker once a second, in a thread, while it is a context."""

    def __init__(self, worker: WorkerProcess) -> None:
        self.all: list[Look] = []
        self.silent = 0
        """How often an answer didn't come."""
        self._worker = worker
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            look = self.look()
            if look is None:
                self.silent += 1
            else:
                self.all.append(look)

    def look(self) -> Look | None:
        """One look; None when an answer is missing."""
        worker = self._worker
        report = worker.report()
        began = time.monotonic()
        body = worker.get("/metrics", seconds=10)
        rendered = time.monotonic()
        healthz = worker.get("/healthz", seconds=10)
        answered = time.monotonic()
        if not (report and body and healthz):
            return None
        metrics = samples_of(body)
        return Look(
            at=began,
            memory_mb=memory_mb(worker),
            lag=total(metrics, "callcenter_consumer_lag_records"),
            behind_seconds=report["behind_seconds"],
            as_of=report["now"],
            clock=report["clock"],
            reason=report["reason"],
            metrics_seconds=rendered - began,
            healthz_seconds=answered - rendered,
        )

    def look_well(self) -> Look:
        """One look with all answers."""
        look = self.look()
        assert look is not None, "the worker doesn't answer"
        return look

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def memory_mb(worker: WorkerProcess) -> float:
    """Resident memory, as Linux tells it."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024
