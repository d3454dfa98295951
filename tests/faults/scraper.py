"""Scrapes all workers about twice a second.

Rule: as Prometheus would, by HTTP and with little patience; what it got goes into the
ledger, round by round.
"""

import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from tests.faults.ledger import Ledger, Scrape, scrape_of
from tests.support.workers import WorkerProcess

PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 2.0


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
        return scrape_of(worker.name, began, time.monotonic(), body.decode())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
