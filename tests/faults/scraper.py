"""Scrapes all workers about twice a second and remembers what may never be.

Rule: a scrape says how things were at some moment between its beginning and its end.
Only what is certain in spite of that is held against the product: a counter that is
lower in a scrape that began after another one's end, and a series that two workers
show, both in two rounds one after the other.
"""

import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from tests.support.workers import WorkerProcess

PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 2.0


class Scrape(NamedTuple):
    """The counters that one worker showed at some moment."""

    worker: str
    began: float
    ended: float
    values: Mapping[str, float]


def counters_of(body: str) -> dict[str, float]:
    """Every counter of a queue or a partition, by name and labels as written."""
    counted = set()
    values = {}
    for line in body.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ", 3)
            if kind == "counter":
                counted.add(name)
            elif kind == "histogram":
                counted |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
        elif line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            name, _, labels = series.partition("{")
            if name in counted and ("queue=" in labels or "partition=" in labels):
                values[series] = float(value)
    return values


@dataclass
class Ledger:
    """What scrapes have shown so far, and what of it may not be."""

    fallen: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    rounds: int = 0
    absent: int = 0
    """Rounds in which a known series was shown by nobody."""
    _last: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    _before: dict[str, set[str]] = field(default_factory=dict)

    def take(self, scrapes: Iterable[Scrape]) -> None:
        """Add a round of scrapes that were made at about the same time."""
        self.rounds += 1
        shown: dict[str, set[str]] = {}
        for scrape in scrapes:
            for series, value in scrape.values.items():
                shown.setdefault(series, set()).add(scrape.worker)
                self._compare(series, value, scrape)
        twice = {series: who for series, who in shown.items() if len(who) > 1}
        both = [
            (series, twice[series] & self._before[series])
            for series in sorted(twice.keys() & self._before.keys())
        ]
        if found := [(series, who) for series, who in both if len(who) > 1]:
            series, who = found[0]
            told = " and ".join(sorted(who))
            self.doubled.append(f"{len(found)} series, as {series}, by {told}")
        self._before = twice
        self.absent += bool(self._last.keys() - shown.keys())

    def _compare(self, series: str, value: float, scrape: Scrape) -> None:
        last = self._last.get(series)
        if last is not None:
            before, ended, worker = last
            if scrape.began < ended:
                return
            if value < before:
                self.fallen.append(
                    f"{series}: {before:g} by {worker}, then {value:g} by "
                    f"{scrape.worker} {scrape.began - ended:.1f} s later"
                )
        self._last[series] = (value, scrape.ended, scrape.worker)


class Scraper:
    """Scrapes in a thread of its own while it is a context."""

    def __init__(self, workers: Callable[[], list[WorkerProcess]]) -> None:
        self.ledger = Ledger()
        self._workers = workers
        self._urls: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scraper")

    def _run(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            while not self._stop.wait(PAUSE_SECONDS):
                found = pool.map(self._scrape, self._workers())
                self.ledger.take([scrape for scrape in found if scrape is not None])

    def _scrape(self, worker: WorkerProcess) -> Scrape | None:
        url = self._urls.get(worker.name) or worker.url
        if not url:
            return None
        self._urls[worker.name] = url
        began = time.monotonic()
        try:
            with urllib.request.urlopen(
                f"{url}/metrics", timeout=PATIENCE_SECONDS
            ) as answer:
                body: bytes = answer.read()
        except OSError:
            return None
        values = counters_of(body.decode())
        return Scrape(worker.name, began, time.monotonic(), values)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
