"""The workers of a run, by slot: started, ended, paused, and what became of them.

Rule: a slot is in one pair of hands at a time; whoever finds it taken lets it be.
"""

import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.workers import WorkerProcess

FENCED = 4
UNREACHABLE = 3
GENERATION = re.compile(r"stream=contacts generation=(\d+)")
LOADED = re.compile(r"stream=contacts generation=\d+ .*loaded=([\d,]+)")


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
        self._is_over = False

    def workers(self) -> list[WorkerProcess]:
        """The workers whose processes are there, paused ones among them."""
        return [w for w in list(self._workers.values()) if w.process.poll() is None]

    @contextmanager
    def hold(self, slot: int) -> Iterator[bool]:
        """Whether the slot is in our hands alone from now on."""
        lock = self._locks.setdefault(slot, threading.Lock())
        held = lock.acquire(blocking=False)
        try:
            yield held
        finally:
            if held:
                lock.release()

    def running(self, slot: int) -> WorkerProcess | None:
        """The slot's worker, if it is there."""
        worker = self._workers.get(slot)
        return worker if worker and worker.process.poll() is None else None

    def start(self, slot: int) -> WorkerProcess:
        """Start a worker in `slot`, which must be ours."""
        if self._is_over:
            raise RunOverError
        self._started += 1
        worker = self._workers[slot] = WorkerProcess(
            self.directory,
            f"worker-{slot}-{self._started}",
            self._bootstrap(slot),
            **self._settings,
        )
        return worker

    def kill(self, slot: int) -> None:
        """`kill -9`; the slot is empty then."""
        worker = self._workers.pop(slot)
        worker.kill()
        if worker.process.returncode != -signal.SIGKILL:
            self._note(worker, worker.process.returncode)  # it was quicker

    def end(self, slot: int, *, seconds: float = 60.0) -> None:
        """SIGTERM; the slot is empty then. An end in bad order is noted."""
        worker = self._workers.pop(slot)
        code = worker.process.poll()
        if code is not None:
            self._note(worker, code)
            return
        try:
            self._note(worker, worker.stop(seconds=seconds), asked=True)
        except subprocess.TimeoutExpired:
            self.strange.append(f"{worker.name}: no end {seconds:g} s after SIGTERM")
            worker.kill()

    def end_all(self) -> None:
        """End every worker that is there."""
        for slot in sorted(self._workers):
            self.end(slot)

    def tend(self, slots: range) -> None:
        """Start anew what has ended by itself; call it again and again."""
        for slot in slots:
            with self.hold(slot) as held:
                if not held:
                    continue
                worker = self._workers.get(slot)
                if worker is None:
                    self.start(slot)
                elif (code := worker.process.poll()) is not None:
                    self._note(worker, code)
                    self.start(slot)

    def _note(self, worker: WorkerProcess, code: int, *, asked: bool = False) -> None:
        """Count an end; one that no fault explains is strange."""
        lines = worker.log.read_text(errors="replace").splitlines()
        told = " ".join(
            [line for line in lines if "state=ending" in line] or lines[-1:]
        )
        if asked and code in (0, -signal.SIGTERM):
            return  # the second: asked before it could listen
        if code == FENCED:
            self.done["fencings"] += 1
        elif code == UNREACHABLE and asked:
            self.done["ends: no last checkpoint without a broker"] += 1
        elif code == UNREACHABLE:
            self.done["ends: broker lost while starting"] += 1
        else:
            self.strange.append(f"{worker.name}: exit {code}: {told[-400:]}")

    def rebalances(self) -> int:
        """How many generations of the group the workers have seen."""
        return len(set(GENERATION.findall(self._logs())))

    def takeovers(self) -> int:
        """How often a worker took a partition over that it didn't hold."""
        loaded = LOADED.findall(self._logs())
        return sum(len(numbers.split(",")) for numbers in loaded)

    def _logs(self) -> str:
        logs = sorted(self.directory.glob("worker-*.log"))
        return "\n".join(log.read_text(errors="replace") for log in logs)

    def kill_all(self) -> None:
        """Leave nothing running, and let nothing be started any more."""
        self._is_over = True
        for worker in self.workers():
            worker.kill()


class RunOverError(Exception):
    """A fault that is still under way wants to start a worker."""
