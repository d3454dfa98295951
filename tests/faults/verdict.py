"""The verdict: what the workers show and wrote, against the judge's recount.

Rule: everything must be equal at one and the same end of the log; what isn't is told
with the first contacts of the queue concerned.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tests.faults.compare import differences
from tests.faults.judge import Recount, Truth, recount, truth
from tests.faults.judge_sums import Terms
from tests.faults.lives import BEYOND, Day
from tests.faults.producer import CONTACTS
from tests.support.feeding import read_all
from tests.support.workers import WorkerProcess

VISITS = "callcenter.visits"
DEAD_LETTERS = "callcenter.dead-letters"
EVENTS = ("read", "applied", "duplicate", "late", "ignored", "dead_letters")
NET = {
    "offered": "callcenter_contacts_offered_total",
    "answered": "callcenter_contacts_answered_total",
    "abandoned": "callcenter_contacts_abandoned_total",
    "diverted": "callcenter_contacts_diverted_total",
    "expired": "callcenter_contacts_expired_total",
    "rejected": "callcenter_contacts_rejected_total",
    "handled": "callcenter_contacts_handled_total",
}
"""Counters of `/metrics` of which corrections are told by fate."""
CORRECTED = "callcenter_contacts_corrected_total"
Lines = list[str]


class Verdict:
    """Compares again and again as the log grows; `parts` is the recount so far."""

    def __init__(
        self,
        bootstrap: str,
        terms: Terms,
        workers: Callable[[], list[WorkerProcess]],
    ) -> None:
        self.parts: dict[int, Recount] = {}
        self._bootstrap = bootstrap
        self._terms = terms
        self._workers = workers

    def settle(self, *, seconds: float) -> Lines:
        """What differs when the workers have read all; waits for that, and for it."""
        deadline = time.monotonic() + seconds
        lines: Lines = []
        known, right = -1, None
        while time.monotonic() < deadline:
            asyncio.run(recount(self._bootstrap, CONTACTS, self._terms, self.parts))
            read = sum(part.counts.read for part in self.parts.values())
            if right is None or read != known:
                known, right = read, truth(self.parts)
            lines = self._compare(right)
            if not lines:
                return []
            time.sleep(1.0)
        return lines + self._context(lines)

    def _compare(self, right: Truth) -> Lines:
        reports = [worker.report() for worker in self._workers()]
        shown: dict[str, Any] = {}
        lines: Lines = []
        events: Counter[str] = Counter()
        for report in reports:
            for name, queue in report.get("queues", {}).items():
                if name in shown:
                    lines.append(f"{name}: shown by two workers")
                shown[name] = queue
            events.update(report.get("events", {}))
            if report.get("drift", 0):
                lines.append(f"drift: {report['drift']}")
        lines += [
            f"events {name}: {events[name]}, should be {right.counts[name]}"
            for name in EVENTS
            if events[name] != right.counts[name]
        ]
        lines += differences(right.queues, shown)
        return lines + self._compare_metrics(right)

    def _compare_metrics(self, right: Truth) -> Lines:
        net: Counter[tuple[str, str]] = Counter()
        names = {metric: name for name, metric in NET.items()}
        for worker in self._workers():
            for series, value in worker.metrics().items():
                metric, _, labels = series.partition("{")
                queue = labels.partition('queue="')[2].partition('"')[0]
                if metric in names:
                    net[queue, names[metric]] += int(value)
                elif metric == CORRECTED:
                    fate = labels.partition('fate="')[2].partition('"')[0]
                    net[queue, fate] -= int(value)
        lines = []
        for queue, numbers in right.queues.items():
            for name in NET:
                wanted = numbers[name]
                if isinstance(wanted, dict):
                    wanted = sum(wanted.values())
                if net[queue, name] != wanted:
                    found = net[queue, name]
                    lines.append(
                        f"/metrics {queue} {name}: {found} net, should be {wanted}"
                    )
        return lines

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

    def written(self) -> Lines:
        """Differences of the topics of final visits and of dead letters."""
        return asyncio.run(self._written())

    async def _written(self) -> Lines:
        right = truth(self.parts)
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

    def undeserved(self, day: Day) -> Lines:
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
