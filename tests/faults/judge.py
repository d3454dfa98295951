"""The judge: an independent recount of the log of contact events.

Rule: plain, slow and obviously right; no code of `monitor` (a test checks that). Each
partition is read in the order of its offsets, once, to find which events count; then
every contact is folded from its sorted set of events. Which events count is a matter of
the log alone; what they add up to depends on now, which is the newest event of each
partition (the product's `clock: event`) or an instant that the caller names (`wall`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer

from tests.faults.judge_events import (
    UNFOLDED,
    Counts,
    Life,
    Said,
    UnreadableError,
    read,
)
from tests.faults.judge_facts import Visit
from tests.faults.judge_sums import Numbers, Part, Terms, queue_numbers
from tests.faults.judge_visits import Story


class Recount:
    """The recount of one partition."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.counts = Counts()
        self.newest = 0
        self.late: list[Said] = []
        self.starts: dict[str, set[int]] = {}
        self.lives: dict[str, list[Life]] = {}
        """By contact; all but the last one are over for good."""

    def take(self, value: bytes | None) -> None:
        """The next record of the log."""
        self.counts.read += 1
        try:
            event = read(value)
        except UnreadableError:
            self.counts.dead_letters += 1
            return
        if event is None:
            self.counts.ignored += 1
            return
        if event.at < self.newest - self.terms.horizon:
            self.counts.late += 1
            self.late.append(event)
            return
        self.newest = max(self.newest, event.at)
        if self._is_new(event):
            self.counts.applied += 1
        else:
            self.counts.duplicate += 1

    def _is_new(self, event: Said) -> bool:
        if event.type == "source.started":
            self.starts.setdefault(event.source, set()).add(event.at)
            return True
        if event.type in UNFOLDED:
            return True
        lives = self.lives.setdefault(event.contact, [])
        if not lives or self._is_over(lives[-1]):
            lives.append(Life())
        return lives[-1].add(event)

    def _is_over(self, life: Life) -> bool:
        """Whether every visit ended further back than any event that still counts."""
        past = self.newest - self.terms.horizon
        if max(event.at for event in life.events) >= past:
            return False
        story = self._story(life)
        visits = story.tell(life.events, self.newest)
        is_open = any(visit.phase != "closed" for visit in visits)
        return not is_open and story.closed_by_time < past

    def _story(self, life: Life) -> Story:
        starts = self.starts.get(life.source, set())
        ages = self.terms.max_age
        return Story(lambda queue, channel: ages[channel], list(starts))

    def visits(self, now: int) -> list[Visit]:
        """Every visit as of the instant `now`, which no event is after."""
        visits = []
        for lives in self.lives.values():
            for life in lives:
                for visit in self._story(life).tell(life.events, now):
                    visit.source = life.source
                    visits.append(visit)
        return visits

    def events_of(self, queue: str) -> Iterable[list[Said]]:
        """The events of every contact that names `queue`, sorted."""
        for lives in self.lives.values():
            for life in lives:
                if any(event.queue == queue for event in life.events):
                    yield sorted(life.events)


@dataclass
class Truth:
    """What the product must show."""

    queues: dict[str, Numbers]
    counts: Counter[str]
    visits: list[Visit]
    parts: Mapping[int, Recount] = field(repr=False)


def truth(parts: Mapping[int, Recount], now: int | None = None) -> Truth:
    """What is right at `now`; None: at the newest event of each partition."""
    terms = next(iter(parts.values())).terms
    counts: Counter[str] = Counter()
    made = []
    for recount in parts.values():
        counts.update(vars(recount.counts))
        at = recount.newest if now is None else now
        made.append(Part(at, recount.visits(at)))
    visits = [visit for part in made for visit in part.visits]
    return Truth(queue_numbers(made, terms), counts, visits, parts)


async def recount(
    bootstrap: str, topic: str, terms: Terms, parts: dict[int, Recount]
) -> None:
    """Take everything that the topic holds now and `parts` has not, in its order."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        tps = sorted(consumer.assignment())
        for tp in tps:
            part = parts.setdefault(tp.partition, Recount(terms))
            # Nothing is left out of this log, so offsets count its records.
            consumer.seek(tp, part.counts.read)
        ends = await consumer.end_offsets(tps)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    if record.offset != parts[tp.partition].counts.read:
                        raise LogHasGapsError(f"{tp} at {record.offset}")
                    parts[tp.partition].take(record.value)
    finally:
        await consumer.stop()


class LogHasGapsError(Exception):
    """The log of events doesn't hold every offset from 0."""
