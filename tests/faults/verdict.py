"""The verdict: what the workers show and wrote, against the judge's recount.

Rule: everything must be equal at one and the same end of the log; what isn't is told
with the first contacts of the queue concerned. By a wall clock it must be equal at the
instant that the answer itself states.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from tests.faults import counted
from tests.faults.compare import differences
from tests.faults.day import BEYOND
from tests.faults.judge import Recount, Truth, recount, truth
from tests.faults.modes import Mode
from tests.faults.producer import CONTACTS
from tests.support.feeding import read_all
from tests.support.workers import WorkerProcess

VISITS = "callcenter.visits"
DEAD_LETTERS = "callcenter.dead-letters"
EVENTS = ("read", "applied", "duplicate", "late", "ignored", "dead_letters")
PANE_SECONDS = 5.0
"""By a wall clock a look is taken once in each pane."""
TOLD_SECONDS = 2.5
"""So long after something changed a queue's owner surely shows it."""
Lines = list[str]


class Verdict:
    """Compares again and again as the log grows; `parts` is the recount so far."""

    def __init__(
        self,
        bootstrap: str,
        mode: Mode,
        workers: Callable[[], list[WorkerProcess]],
    ) -> None:
        self.parts: dict[int, Recount] = {}
        self._bootstrap = bootstrap
        self._mode = mode
        self._workers = workers
        self._latest: Truth | None = None
        self._read = -1

    def settle(self, *, seconds: float) -> Lines:
        """What differs when the workers have read all; waits until nothing does.

        When something always does: the fewest differences of all looks.
        """
        deadline = time.monotonic() + seconds
        fewest: Lines = []
        while True:
            asyncio.run(
                recount(self._bootstrap, CONTACTS, self._mode.terms, self.parts)
            )
            lines = self._compare()
            if not lines:
                return []
            if not fewest or len(lines) < len(fewest):
                fewest = lines + self._context(lines)
            if time.monotonic() > deadline:
                return fewest
            time.sleep(1.0)

    def open_visits(self) -> int:
        """How many visits were open when everything was compared last."""
        visits = self._latest.visits if self._latest else []
        return sum(visit.phase != "closed" for visit in visits)

    def _right(self, report: dict[str, Any]) -> Truth:
        """What is right as of a worker's answer."""
        if self._mode.is_wall:
            now = datetime.fromisoformat(report["now"]).timestamp()
            self._latest = truth(self.parts, round(now * 1000))
        else:
            read = sum(part.counts.read for part in self.parts.values())
            if self._latest is None or read != self._read:
                self._read, self._latest = read, truth(self.parts)
        return self._latest

    def _compare(self) -> Lines:
        if self._mode.is_wall:
            _await_rest_of_pane()
        reports = [told for worker in self._workers() if (told := worker.report())]
        if not reports:
            return ["no worker answers"]
        # At once, because the judge takes its time and a clock goes on meanwhile.
        series = [item for w in self._workers() for item in w.metrics().items()]
        shown: dict[str, Any] = {}
        wanted: dict[str, Any] = {}
        lines: Lines = []
        events: Counter[str] = Counter()
        for report in reports:
            right = self._right(report)
            wanted |= {n: q for n, q in right.queues.items() if n not in shown}
            for name, queue in report["queues"].items():
                if name in shown:
                    lines.append(f"{name}: shown by two workers")
                shown[name] = queue
                if name in right.queues:
                    wanted[name] = right.queues[name]
            events.update(report["events"])
            if report["drift"]:
                lines.append(f"drift: {report['drift']}")
        lines += [
            f"events {name}: {events[name]}, should be {right.counts[name]}"
            for name in EVENTS
            if events[name] != right.counts[name]
        ]
        lines += differences(wanted, shown)
        return lines or self._compare_metrics(series, right)

    def _compare_metrics(self, series: list[tuple[str, float]], right: Truth) -> Lines:
        taken = asyncio.run(counted.taken_back(self._bootstrap))
        return counted.fates(series, right) + counted.histograms(
            series, taken, right, self._mode.terms
        )

    def _context(self, lines: Lines, *, most: int = 2) -> Lines:
        """The events of contacts of the first queue that differs."""
        queues = sorted({line.partition(".")[0] for line in lines if "." in line})
        told: Lines = []
        for part in self.parts.values():
            for queue in queues[:1]:
                for events in list(part.events_of(queue))[:most]:
                    told += [f"  {e.at} {e.type} {e}" for e in events]
        return told

    # -- what was written ----------------------------------------------------------

    def written(self, *, seconds: float) -> Lines:
        """Differences of the topics of final visits and of dead letters, when all
        visits are final; waits for the last checkpoints."""
        deadline = time.monotonic() + seconds
        while (lines := asyncio.run(self._written())) and time.monotonic() < deadline:
            time.sleep(1.0)
        return lines

    async def _written(self) -> Lines:
        now = int(time.time() * 1000) if self._mode.is_wall else None
        right = truth(self.parts, now)
        visits = [json.loads(r.value) for r in await read_all(self._bootstrap, VISITS)]
        found = Counter(_told(visit) for visit in visits)
        wanted = Counter(_known(visit) for visit in right.visits)
        lines = _surplus("visit written but not there", found - wanted)
        lines += _surplus("visit not written", wanted - found)
        letters = await read_all(self._bootstrap, DEAD_LETTERS)
        places = Counter(
            tuple(v for n, v in letter.headers if n in ("partition", "offset"))
            for letter in letters
        )
        if len(letters) != right.counts["dead_letters"]:
            wanted_letters = right.counts["dead_letters"]
            lines.append(f"dead letters: {len(letters)}, should be {wanted_letters}")
        lines += [f"dead letter twice: {p}" for p, n in places.items() if n > 1]
        return lines

    def undeserved(self) -> Lines:
        """Events that the log made late though they were sent in time."""
        late = [e for part in self.parts.values() for e in part.late if e.contact]
        return [
            f"late though sent in time: {event}"
            for event in late
            if not event.id.startswith(BEYOND)
        ]

    def events(self) -> Counter[str]:
        """What became of the records, by the judge."""
        counts: Counter[str] = Counter()
        for part in self.parts.values():
            counts.update(vars(part.counts))
        return counts


def _await_rest_of_pane() -> None:
    """Windows move when a pane ends: wait until everybody has told so, but no longer.

    What a worker shows is made of what partitions told it up to `TOLD_SECONDS` ago.
    """
    into = time.time() % PANE_SECONDS
    if not TOLD_SECONDS <= into <= PANE_SECONDS - 0.5:
        time.sleep((TOLD_SECONDS - into) % PANE_SECONDS)


def _told(visit: dict[str, Any]) -> tuple[object, ...]:
    names = "contact visit queue channel source queued_at fate reason fate_at wait_ms"
    more = "agent ended_at handled_at talk_ms hold_ms acw_ms"
    return tuple(visit[name] or 0 for name in f"{names} {more}".split())


def _known(visit: Any) -> tuple[object, ...]:
    names = "contact number queue channel source queued_at fate reason fate_at wait"
    more = "agent ended_at handled_at talk hold acw"
    return tuple(getattr(visit, name) or 0 for name in f"{names} {more}".split())


def _surplus(what: str, counter: Counter[tuple[object, ...]]) -> Lines:
    return [f"{what}: {visit} x{times}" for visit, times in counter.items()]


def first(lines: Iterable[str], most: int = 30) -> str:
    """The first lines, and how many more there are."""
    lines = list(lines)
    left = len(lines) - most
    return "\n".join([*lines[:most], *([f"… and {left} more"] if left > 0 else [])])
