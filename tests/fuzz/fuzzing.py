"""Fuzzed records through the decoder and the fold, and what must still be true then."""

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from monitor.core import kpi
from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.rules import QueueRules, Rules
from monitor.core.view import PartitionPart
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event
from monitor.wire.partials import decode_part, encode_part
from monitor.wire.state import restore, take_rows
from monitor.wire.visits import encode_visit
from tests.fuzz.records import mutated

START = 1_795_165_200_000
STEP_MS = 10
"""Between two records: a million of them are under three hours."""
CHUNK = 500
GOOD_EVERY = 1_000
"""Records between two steps of the good contacts."""
LOOK_EVERY = 25_000
GOOD_QUEUE = "only good ones"
GOOD_SOURCE = "good"
TALK_MS = 3 * GOOD_EVERY * STEP_MS
LARGEST_ROW = 900_000
"""A durable row must fit into one record of a topic with Kafka's default limit."""
RULES = Rules(queue=lambda *_: QueueRules())


class Fuzzing:
    """One partition that is fed with bad records, and good contacts in between."""

    def __init__(self, seed: int) -> None:
        """The same seed gives the same records."""
        self.outcomes: Counter[str] = Counter()
        """Records by what became of them."""
        self.mutations: Counter[str] = Counter()
        self.partition = Partition(RULES)
        self.good = 0
        """Good contacts whose life is over."""
        self._chance = Random(seed)
        self._now = START
        self._harm: list[str] = []

    def run(self, records: int, told: Callable[[int], None] = lambda _: None) -> None:
        """Feed `records`; whatever raises is a crash."""
        events: list[Event] = []
        for number in range(1, records + 1):
            self._now += STEP_MS
            events += self._record()
            if number % GOOD_EVERY == 0:
                events += self._good_steps(number // GOOD_EVERY)
            if number % CHUNK == 0:
                self._apply(events)
            if number % LOOK_EVERY == 0:
                self._look()
            if number % 100_000 == 0:
                told(number)
        self._apply(events)
        self._look()

    def _record(self) -> Iterator[Event]:
        name, value = mutated(self._chance, self._now)
        self.mutations[name] += 1
        try:
            event = decode_contact_event(value)
        except BadRecord as bad:
            self.outcomes[f"bad: {bad.reason}"] += 1
            if not str(bad) or not bad.reason.isidentifier():
                self._harm.append(f"no reason for {value!r:.200}")
            return
        if event is None:
            self.outcomes["ignored"] += 1
        else:
            self.outcomes["event"] += 1
            yield event

    def _good_steps(self, step: int) -> Iterator[Event]:
        """Each contact waits one step and talks for three."""
        at = self._now
        base = Event(at, int(Kind.QUEUED), f"good-{step}", source=GOOD_SOURCE)
        yield base._replace(queue=GOOD_QUEUE)
        if step > 1:
            name = f"good-{step - 1}"
            yield base._replace(kind=int(Kind.ANSWERED), contact=name, agent="g")
        if step > 4:
            yield base._replace(kind=int(Kind.ENDED), contact=f"good-{step - 4}")
            self.good += 1

    def _apply(self, events: list[Event]) -> None:
        self.partition.apply(events, self._now)
        self.partition.advance(self._now)
        events.clear()

    def _look(self) -> None:
        """Through the ways out and back: partials, visits, durable rows."""
        parts = self.partition.parts(self._now, everything=True)
        for part in parts:
            if kpi.drift(part.total, part.waiting):
                self._harm.append(f"drift in {part.queue!r:.50}")
            if min(part.waiting, *part.phases.values()) < 0:
                self._harm.append(f"negative live numbers in {part.queue!r:.50}")
        counts = self.partition.counts
        decode_part(
            encode_part(
                PartitionPart(
                    source=0, offset=1, complete=True, counts=counts, queues=parts
                )
            )
        )
        for visit in self.partition.finished():
            encode_visit(visit)
        for _, row in take_rows(self.partition):
            if row is not None and len(row) > LARGEST_ROW:
                self._harm.append(f"a durable row of {len(row):,} bytes")

    def harm(self) -> list[str]:
        """What isn't as it should be, at the end."""
        found = list(self._harm)
        [part] = [
            part
            for part in self.partition.parts(self._now, everything=True)
            if part.queue == GOOD_QUEUE
        ]
        total = part.total
        numbers = (
            total.get("offered"),
            total.get("answered"),
            total.get("handled"),
            total.get("talk_ms"),
            part.waiting,
        )
        expected = (self.good + 4, self.good + 3, self.good, self.good * TALK_MS, 1)
        if numbers != expected:
            found.append(f"good contacts have {numbers}, expected {expected}")
        return found + self._not_restored()

    def _not_restored(self) -> list[str]:
        """Whether the whole state comes back from its rows as it is."""
        partition = self.partition
        for contact_id, contact in partition.contacts.items():
            partition.dirty[contact_id] = contact
        for state in partition.queues.values():
            panes = state.panes
            panes.dirty.add(("t", 0))
            panes.dirty.update(("f", n) for n in panes.fine.panes)
            panes.dirty.update(("c", n) for n in panes.coarse.panes)
            panes.dirty.update(("d", n) for n in panes.days)
        rows = [(key, row) for key, row in take_rows(partition) if row is not None]
        again = restore(RULES, rows)
        before = {
            (part.queue, part.channel): part
            for part in partition.parts(self._now, everything=True)
        }
        after = {
            (part.queue, part.channel): part
            for part in again.parts(self._now, everything=True)
        }
        return [
            f"{key!r:.60} isn't restored as it was"
            for key, part in before.items()
            if after.get(key) != part
        ]
