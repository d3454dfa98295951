"""The workers of a run, by slot: started, ended, paused, and what became of them.

Rule: a slot is in one pair of hands at a time; whoever finds it taken lets it be.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.workers import WorkerProcess

FENCED = 4
GENERATION = re.compile(r"stream=contacts generation=(\d+)")


class Crew:
    """All workers; `bootstrap` gives the address that a slot connects to."""

    def __init__(
        self,
        directory: Path,
        bootstrap: Callable[[int], str],
        settings: dict[str, object],
    ) -> None:
        self.directory = directory
        self.done: Counter[str] = Counter()
        self.strange: list[str] = []
        """Ends that no fault explains."""
        self._bootstrap = bootstrap
        self._settings = settings
        self._workers: dict[int, WorkerProcess] = {}
        self._locks: dict[int, threading.Lock] = {}
        self._started = 0

    def workers(self) -> list[WorkerProcess]:
        """The workers whose processes are there, paused ones among them."""
        return [w for w in list(self._workers.values()) if w.process.poll() is None]

    @contextmanager
    def hold(self, slot: int) -> Iterator[WorkerProcess | None]:
        """The slot's worker, in our hands alone; None: it is taken or not running."""
        lock = self._locks.setdefault(slot, threading.Lock())
        if not lock.acquire(blocking=False):
            yield None
            return
        try:
            worker = self._workers.get(slot)
            running = worker is not None and worker.process.poll() is None
            yield worker if running else None
        finally:
            lock.release()

    def start(self, slot: int) -> WorkerProcess:
        """Start a worker in `slot`, which must be ours or nobody's."""
        self._started += 1
        worker = WorkerProcess(
            self.directory,
            f"worker-{slot}-{self._started}",
            self._bootstrap(slot),
            **self._settings,
        )
        self._workers[slot] = worker
        return worker

    def end(self, worker: WorkerProcess, *, seconds: float = 60.0) -> None:
        """SIGTERM; its end in good order is noted, and any other one."""
        try:
            code = worker.stop(seconds=seconds)
        except TimeoutError:
            code = -1
        except Exception as error:  # noqa: BLE001 - subprocess.TimeoutExpired
            self.strange.append(f"{worker.name}: no end after SIGTERM: {error!r}")
            worker.kill()
            return
        self.note(worker, code, asked=True)

    def note(self, worker: WorkerProcess, code: int, *, asked: bool = False) -> None:
        """Count how a worker ended."""
        if code == FENCED:
            self.done["fencings"] += 1
        elif code != 0 or not asked:
            log = worker.log.read_text(errors="replace")
            critical = [line for line in log.splitlines() if "state=ending" in line]
            self.strange.append(f"{worker.name}: exit {code} {critical[-1:]}")

    def tend(self, slots: range) -> None:
        """Start anew what has ended by itself; call it again and again."""
        for slot in slots:
            lock = self._locks.setdefault(slot, threading.Lock())
            if not lock.acquire(blocking=False):
                continue
            try:
                worker = self._workers.get(slot)
                if worker is None:
                    self.start(slot)
                elif (code := worker.process.poll()) is not None:
                    if slot not in self._noted(worker):
                        self.note(worker, code)
                    self.start(slot)
            finally:
                lock.release()

    def _noted(self, worker: WorkerProcess) -> set[int]:
        return set()

    def rebalances(self) -> int:
        """How many generations of the group the workers have seen."""
        seen = set()
        for log in self.directory.glob("worker-*.log"):
            seen |= set(GENERATION.findall(log.read_text(errors="replace")))
        return len(seen)

    def kill_all(self) -> None:
        """Leave nothing running."""
        for worker in self.workers():
            worker.go_on()
            worker.kill()
        time.sleep(0)
