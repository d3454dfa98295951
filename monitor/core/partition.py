"""The state of one source partition: the fold of its part of the log.

Rule: this object is everything that is known of the partition, and nothing outside
changes it. The same events give the same state, whatever the batches; time comes in as
an argument. What changed since the last checkpoint is remembered as dirty rows.

Lateness is judged by the log itself (the newest event so far), never by a clock, so
that a worker that catches up after an outage finds nothing late that was not late then.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from monitor.core.books import Scratch
from monitor.core.contact import (
    CROWDED,
    TOO_MANY_EVENTS,
    Contact,
    insert,
    source_of,
)
from monitor.core.events import Event, Kind
from monitor.core.fold import FOLDED, pass_time, refold, step
from monitor.core.gone import Gone
from monitor.core.live import LiveBooks
from monitor.core.panes import difference
from monitor.core.passing import passing
from monitor.core.people.following import engaged_in
from monitor.core.phases import Phase
from monitor.core.rules import Rules
from monitor.core.sources import Starts, counted_as, remember_start
from monitor.core.terms import Terms
from monitor.core.thinning import thin_messages
from monitor.core.timers import Timers
from monitor.core.view import PartitionCounts, QueuePart
from monitor.core.visit import post_all
from monitor.core.visit_record import VisitRecord

THIN = 32
"""A long conversation is thinned whenever so many events have come to it."""
QUEUES_IN_SLICE = 20
"""Queues whose numbers are read before others get a turn."""


class Partition:
    """Contacts, queues and counts of one source partition."""

    def __init__(self, rules: Rules, *, keep_finished: bool = True) -> None:
        """An empty state; `keep_finished`: gather final visits and last words."""
        self.rules = rules
        self.counts = PartitionCounts()
        self.owner = ""
        """Name of the app whose state it is; whoever makes it durable sets it."""
        self.next_offset = 0
        """Next source offset to apply; whoever applies sets it."""
        self.watermark = 0
        """Newest event instant so far; 0: none."""
        self.now = 0
        """The latest instant to which time was advanced."""
        self.contacts: dict[str, Contact] = {}
        self.live = LiveBooks(rules, self.counts)
        self.queues = self.live.queues
        """Queues by name and channel."""
        self.queue_state = self.live.queue_state
        self.starts: Starts = {}
        """Instants of `source.started` within the horizon, by source, ascending."""
        self.dirty: dict[str, Contact | None] = {}
        """Contacts that changed since they were taken; None: gone."""
        self.reviews: Timers[str] = Timers()
        """New contacts, by the instant at which they opened: most are over when the
        clock is a horizon further, and only the others need a timer for their age."""
        self.endings: Timers[str] = Timers()
        """Reviewed contacts, by the event instant that must be beyond the horizon
        before it is worth looking whether to forget them. Each contact is in one of
        the two; an id that begins another life may be in both."""
        self._keep_finished = keep_finished
        self.gone = Gone()
        self.taken_offset = 0
        """`next_offset` as of the last checkpoint that was taken."""

    # -- events ---------------------------------------------------------------

    def apply(self, events: Iterable[Event], now: int) -> Sequence[int]:
        """Fold events in the order of the log; `now` bounds how far ahead they may be.

        An event more than `rules.future_ms` after `now` is taken as of `now`. Never
        raises for an event's content. Returns the positions of those that were refused,
        counted as dead letters: their contact has as many events as one may have.
        """
        counts = self.counts
        newest: dict[str, int] = {}
        limit = now + self.rules.future_ms
        horizon = self.rules.horizon_ms
        applied = duplicate = late = 0
        refused: list[int] = []
        for event in events:
            at = event.at
            if at > limit:
                event = event._replace(at=now)  # noqa: PLW2901 - the clamped event
                at = now
                counts.future += 1
            if at > self.watermark:
                self.watermark = at
            elif at < self.watermark - horizon:
                late += 1
                continue
            source = event.source
            if at > newest.get(source, 0):
                newest[source] = at
            if event.kind not in FOLDED:
                applied += 1
                self._other_kind(event)
            elif is_new := self._fold(event):
                applied += 1
            elif is_new is None:
                refused.append(applied + duplicate + late + len(refused))
            else:
                duplicate += 1
        for source, at in newest.items():
            self._note_source(source, at)
        counts.applied += applied
        counts.duplicate += duplicate
        counts.late += late
        counts.read += applied + duplicate + late + len(refused)
        if refused:
            before = counts.dead_letters.get(TOO_MANY_EVENTS, 0)
            counts.dead_letters[TOO_MANY_EVENTS] = before + len(refused)
        return refused

    def _note_source(self, source: str, at: int) -> None:
        newest = self.counts.last_event_at
        source = counted_as(source, newest)
        newest[source] = max(at, newest.get(source, 0))

    def _fold(self, event: Event) -> bool | None:
        """Fold one contact event; False: it was there already; None: too many are."""
        contact = self.contacts.get(event.contact)
        past = self.watermark - self.rules.horizon_ms
        if contact is None or (
            contact.log[-1].at < past and self._is_over(contact, past)
        ):
            contact = self._open(event)
        log = contact.log
        if len(log) > CROWDED and contact.is_full:
            return None
        if not log or (event > log[-1] and event.at > contact.clocked):
            if log and event.id and _has_id(log, event.id):
                return False
            log.append(event)
            if event.source != contact.source and not contact.visits:
                self._belongs_to(contact, source_of(log))
            step(contact, event, self.live)
            if contact.starts:
                pass_time(contact, contact.starts[-1] + 1, self.live)
        elif not insert(log, event):
            return False
        else:
            self._refold(contact)
        if contact.reviewed and contact.open:
            self.live.ages.push(contact.due, contact.id)
        if len(log) > CROWDED and event.kind == Kind.MESSAGE and not len(log) % THIN:
            thin_messages(contact, past, self._apart(contact))
        self.dirty[event.contact] = contact
        return True

    def _belongs_to(self, contact: Contact, source: str) -> None:
        contact.source = source
        contact.starts = self.starts.get(source, ())

    def _is_over(self, contact: Contact, past: int) -> bool:
        """Forget the contact if it is over for good, whether time told so yet or not.

        So that what an event does depends on the log alone, not on when `advance` was
        called last.
        """
        if contact.open and contact.due < self.watermark:
            pass_time(contact, self.watermark, self.live)
            self.touch(contact.id)
        if contact.open or contact.last_at >= past:
            return False
        self.forget(contact)
        return True

    def _open(self, event: Event) -> Contact:
        contact = self.contacts[event.contact] = Contact(event.contact, event.source)
        if self.starts:
            contact.starts = self.starts.get(event.source, ())
        self.reviews.push(event.at, event.contact)
        return contact

    def _other_kind(self, event: Event) -> None:
        if event.kind == Kind.SOURCE_STARTED:
            self._source_started(event.source, event.at)

    def _source_started(self, source: str, at: int) -> None:
        """Every contact that the source left open before `at` is over."""
        known = self.starts.get(source, ())
        if at in known:
            return
        contacts = [c for c in self.contacts.values() if c.source == source]
        # A contact that is folded anew needs every restart that it has lived through.
        oldest = min(
            (contact.log[0].at for contact in contacts),
            default=self.watermark - self.rules.horizon_ms,
        )
        oldest = min(oldest, self.watermark - self.rules.horizon_ms)
        if not remember_start(self.starts, source, at, oldest):
            return
        starts = self.starts[source]
        for contact in contacts:
            contact.starts = starts
            if contact.open or contact.last_at >= at:
                self._refold(contact)
                self.dirty[contact.id] = contact

    def _refold(self, contact: Contact) -> None:
        """Fold the contact anew and book what is different."""
        new = self._apart(contact)
        old = self._apart(contact)
        for visit in contact.visits:
            post_all(visit, old.fresh(visit))
            before, visit.phase = visit.phase, Phase.CLOSED
            visit.state.move(visit, before)
        self._belongs_to(contact, source_of(contact.log))
        refold(contact, new, self.now)
        for visit in contact.visits:
            visit.state.enter(visit)
            self.live.watch(visit)
        for state in old.by_queue.keys() | new.by_queue.keys():
            changes, taken_back = difference(
                old.by_queue.get(state, {}), new.by_queue.get(state, {})
            )
            self.live.book(state, changes, taken_back)

    def _apart(self, contact: Contact) -> Scratch:
        """Books in which the contact's visits keep their terms."""
        terms = [visit.terms for visit in contact.visits]
        return Scratch(self.live.queue_of, self.live.queue_state, terms)

    # -- time -----------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let time pass up to `now`: thresholds are crossed, contacts expire.

        An earlier `now` than before counts as the one before. Closed contacts that no
        event can change any more are forgotten.
        """
        for _ in self.passing(now):
            pass

    def passing(self, now: int) -> Iterator[None]:
        """Do as `advance` does, a slice of a few milliseconds at each step.

        Between two steps the state is whole, but time has passed for a part of it only:
        nothing may be read, applied or made durable before the last one.
        """
        self.now = max(self.now, now)
        return passing(self)

    def forget(self, contact: Contact) -> None:
        """Let go of a contact that is over for good; its visits are final."""
        if self._keep_finished:
            # Now, because its id may begin another life at once.
            self.gone.add(contact, changed=contact.id in self.dirty)
        del self.contacts[contact.id]
        self.dirty[contact.id] = None

    def touch(self, contact_id: str) -> None:
        """Note that the next checkpoint must hold the contact."""
        self.dirty[contact_id] = self.contacts[contact_id]

    # -- what others read -------------------------------------------------------

    def parts(self, now: int, *, everything: bool) -> list[QueuePart]:
        """Each queue's numbers at `now`; without `everything`, only of changed queues.

        Changed means by event or by the clock since the last call.
        """
        return list(chain.from_iterable(self.part_slices(now, everything=everything)))

    def part_slices(self, now: int, *, everything: bool) -> Iterator[list[QueuePart]]:
        """The same as `parts`, a slice of a few milliseconds at each step.

        The partition must not change before the last step.
        """
        for _ in self.passing(now):
            yield []
        result = []
        changed, self.live.changed = self.live.changed, set()
        for count, state in enumerate(self.queues.values(), 1):
            state.settle(self.now)
            if everything or state.panes.changed or state in changed:
                state.panes.changed = False
                result.append(state.part())
            if not count % QUEUES_IN_SLICE:
                yield result
                result = []
        yield result

    def finished(self) -> list[VisitRecord]:
        """Visits that became final since the last call."""
        return self.gone.visits()

    @property
    def has_changes(self) -> bool:
        """Whether a checkpoint would have anything to say."""
        return bool(
            self.dirty
            or self.gone
            or self.next_offset != self.taken_offset
            or any(state.fresh or state.panes.dirty for state in self.queues.values())
        )

    @property
    def dirty_rows(self) -> int:
        """About how many rows a checkpoint would write."""
        return len(self.dirty) + len(self.gone) + 4 * len(self.live.changed)

    # -- restoring --------------------------------------------------------------

    def restore_contact(
        self, contact: Contact, terms: Sequence[Terms], crossed: Sequence[bool]
    ) -> None:
        """Put a contact back whose contributions are in the panes already.

        Call it when queues and `starts` are restored. `contact` has its log and
        `clocked`; `terms` and `crossed` are those of its visits.
        """
        contact.starts = self.starts.get(contact.source, ())
        clocked = contact.clocked
        refold(
            contact,
            Scratch(self.live.queue_of, self.live.queue_state, terms),
            clocked + 1,
        )
        for visit, past in zip(contact.visits, crossed, strict=False):
            visit.crossed = past
        for visit in contact.visits:
            visit.state.enter(visit)
            self.live.watch(visit)
        contact.engaged = engaged_in(contact)
        self.contacts[contact.id] = contact
        self.reviews.push(contact.log[0].at, contact.id)


def _has_id(log: list[Event], event_id: str) -> bool:
    for event in log:  # noqa: SIM110 - half the time of any(), and on the hot path
        if event.id == event_id:
            return True
    return False
