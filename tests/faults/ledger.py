"""What scrapes have shown, and what of it may never be.

Rule: a scrape says how things were at some moment between its beginning and its end.
Only what is certain in spite of that is held against the product: a counter that is
lower in a scrape that began after another one's end, and a queue that two workers show,
both in two rounds one after the other. A series that is absent, or NaN, says nothing: a
worker may own up to not knowing, as often as it likes, but not while it shows a value.
"""

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.faults.exposition import labels_of, queue_of, samples_of

STALE = "callcenter_queue_stale"
UNSOUND = 'callcenter_self_checks_total{result="different"}'
"""How often a worker found its state to disagree with itself or with its mirror."""
SOUND = 'callcenter_self_checks_total{result="equal"}'


class Scrape(NamedTuple):
    """What one worker showed at some moment."""

    worker: str
    began: float
    ended: float
    counters: Mapping[str, float]
    """Of queues and partitions, by name and labels."""
    shown: AbstractSet[str]
    """Queues and partitions of which there is any number."""
    stale: AbstractSet[str]
    """Queues that the worker says it doesn't know."""
    looks: tuple[float, float] = (0.0, 0.0)
    """How many of the worker's looks at its own state found it sound, and unsound."""


def scrape_of(worker: str, began: float, ended: float, body: str) -> Scrape:
    """What a worker's answer says."""
    counters: dict[str, float] = {}
    shown: set[str] = set()
    stale: set[str] = set()
    looks = {SOUND: 0.0, UNSOUND: 0.0}
    for name, series, counts, value in samples_of(body):
        if math.isnan(value):
            continue
        if series in looks:
            looks[series] = value
        queue = queue_of(series)
        if name == STALE:
            if value:
                stale.add(queue)
        elif queue:
            shown.add(queue)
        elif counts and "partition" in labels_of(series):
            shown.add(f"partition {labels_of(series)['partition']}")
        else:
            continue
        if counts:
            counters[series] = value
    found = looks[SOUND], looks[UNSOUND]
    return Scrape(worker, began, ended, counters, shown, stale, found)


@dataclass
class Ledger:
    """What scrapes have shown so far, and what of it may not be."""

    fallen: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    """Queues that a worker showed though it said that it didn't know them."""
    looks: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By worker, how many of its looks at its own state found it sound, and not."""
    rounds: int = 0
    absent: int = 0
    """Rounds in which a known queue or partition was shown by nobody."""
    unknown: int = 0
    """Rounds in which a worker said of a queue that it didn't know it."""
    _last: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _before: dict[str, set[str]] = field(default_factory=dict)

    def take(self, scrapes: Iterable[Scrape]) -> None:
        """Add a round of scrapes that were made at about the same time."""
        self.rounds += 1
        shown: dict[str, set[str]] = {}
        stale = False
        for scrape in scrapes:
            for series, value in scrape.counters.items():
                self._compare(series, value, scrape)
            for whose in scrape.shown:
                shown.setdefault(whose, set()).add(scrape.worker)
            self.looks[scrape.worker] = scrape.looks
            torn = sorted(scrape.shown & scrape.stale)
            self.torn += [f"{whose} by {scrape.worker}" for whose in torn]
            stale |= bool(scrape.stale)
        self._note_doubled(shown)
        self.absent += bool(self._known - shown.keys())
        self.unknown += stale
        self._known |= shown.keys()

    def _note_doubled(self, shown: Mapping[str, set[str]]) -> None:
        twice = {whose: by for whose, by in shown.items() if len(by) > 1}
        for whose in sorted(twice.keys() & self._before.keys()):
            both = twice[whose] & self._before[whose]
            if len(both) > 1:
                self.doubled.append(f"{whose} by {' and '.join(sorted(both))}")
        self._before = twice

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

    def wrong(self) -> list[str]:
        """A line for each thing that may not be."""
        return [
            *(f"went down: {line}" for line in self.fallen),
            *(f"shown twice: {line}" for line in self.doubled),
            *(f"shown though not known: {line}" for line in self.torn),
            *(
                f"{worker} found its own state unsound"
                for worker, (_, unsound) in self.looks.items()
                if unsound
            ),
        ]
