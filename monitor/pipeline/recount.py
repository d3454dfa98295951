"""Folds the log of a source partition once more, from the first record that it has.

Rule: records become events and counts exactly as in `contacts`, and the core folds
them; what workers add to that, checkpoints, takeovers and rows that are restored, is
what a recount is there to check. Memory is bounded by what is open, not by the log.
"""

from collections.abc import Callable, Sequence

from monitor.config import Settings
from monitor.core.compare import Numbers
from monitor.core.events import Event
from monitor.core.offline import drop_changes
from monitor.core.partition import Partition
from monitor.pipeline.batches import Record
from monitor.pipeline.contacts import DISTANT_FUTURE
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event

FIRST_EVENTS = 100
"""Events at the log's beginning whose newest instant says where it begins."""


class Recount:
    """The fold of one source partition's log, from the first record that it has."""

    def __init__(self, settings: Settings, until: int) -> None:
        """Nothing is read yet; time passes up to the instant `until`."""
        self.begins_at = 0
        """As in `Reach`."""
        self._partition = Partition(settings.rules(), keep_finished=False)
        self._until = until
        self._now_at = clock_at(settings)
        self._first_events = FIRST_EVENTS

    @property
    def records(self) -> int:
        """How many records were folded."""
        return self._partition.counts.read

    def add(self, records: Sequence[Record]) -> None:
        """Fold records, in the order of the log."""
        events: list[Event] = []
        nows: list[int] = []
        counts = self._partition.counts
        for record in records:
            try:
                event = decode_contact_event(record.value)
            except BadRecord as bad:
                counts.read += 1
                letters = counts.dead_letters.get(bad.reason, 0)
                counts.dead_letters[bad.reason] = letters + 1
                continue
            if event is None:
                counts.read += 1
                counts.ignored += 1
                continue
            events.append(event)
            nows.append(self._now_at(record.timestamp))
        first = self._first_events
        if first:
            self._fold(events[:first], nows[:first])
            self.begins_at = self._partition.watermark
            self._first_events = max(0, first - len(events))
        self._fold(events[first:], nows[first:])
        self._forget()

    def _fold(self, events: Sequence[Event], nows: Sequence[int]) -> None:
        if not events:
            return
        partition, now = self._partition, min(nows)
        if max(event.at for event in events) <= now + partition.rules.future_ms:
            partition.apply(events, now)  # none is ahead of the clock
            return
        for event, now in zip(events, nows, strict=True):
            partition.apply([event], now)

    def _forget(self) -> None:
        """Let go of what is over, and of what a checkpoint would take away."""
        partition = self._partition
        # An event may be ahead of the clock, but time never is.
        partition.advance(min(partition.watermark, self._until))
        drop_changes(partition)

    def numbers(self) -> Numbers:
        """What the log says, as of the instant that was given. Nothing may follow."""
        partition = self._partition
        for contact in partition.contacts.values():
            if contact.open:  # look at its age now, whenever that is due otherwise
                partition.reviews.push(contact.log[0].at, contact.id)
        parts = partition.parts(self._until, everything=True)
        return Numbers(partition.now, partition.counts, parts)


def clock_at(settings: Settings) -> Callable[[int], int]:
    """What a worker's clock showed when a record came, by the record's timestamp.

    Workers read a record moments after it came, or much later when they catch up. An
    event clock, and a scaled one whose origin isn't set, say nothing: no event is ahead
    of them.
    """
    start, origin = settings.scaled.start, settings.scaled.origin
    speed = settings.scaled.speed
    if settings.clock == "wall":
        return lambda came_at: came_at if came_at > 0 else DISTANT_FUTURE
    if settings.clock == "event" or start is None or origin is None:
        return lambda _: DISTANT_FUTURE
    return lambda came_at: start + int(max(0, came_at - origin) * speed)
