"""A contact: its events in canonical order and the visits that they make.

Rule: the visits are a function of the *set* of the contact's events, of the restarts of
its source and of the instant up to which time has passed. `fold` makes them,
`lifecycle` says what each event does; here is what they keep.
"""

from bisect import bisect_left
from collections.abc import Sequence

from monitor.core.conversation import Conversation
from monitor.core.events import Event, Kind
from monitor.core.visit import Visit

NEVER = 1 << 62
TOO_MANY_EVENTS = "too_many_events"
"""Reason of the dead letters that one contact's events become beyond the limit."""
CROWDED = 30
"""So many events are surely not too many, however long their names are."""
FULL_CHARACTERS = 140_000
"""Names and ids in a contact's events, with `EVENT_CHARACTERS` for each event: about
1,000 events. Its durable row must fit into one record, six bytes a character at worst,
and an id that a source gives to all of its contacts must not stop the stream."""
EVENT_CHARACTERS = 100


class Contact:
    """A contact's events and visits."""

    __slots__ = (
        "clocked",
        "conversation",
        "due",
        "engaged",
        "id",
        "log",
        "pending",
        "reviewed",
        "source",
        "starts",
        "visits",
    )

    def __init__(self, contact_id: str, source: str) -> None:
        """A contact of which nothing is known yet."""
        self.id = contact_id
        self.source = source
        self.log: list[Event] = []
        """Its events in canonical order, each once."""
        self.visits: list[Visit] = []
        self.pending: Sequence[Event] = ()
        """Folded events that fit no visit so far."""
        self.conversation: Conversation | None = None
        """What its messages say; None: it has none."""
        self.due = NEVER
        """No time-driven change of an open visit comes before this instant."""
        self.clocked = 0
        """Instant of the latest time-driven change; an event before it folds anew."""
        self.reviewed = False
        """Whether it was looked at when it was a horizon old: no timer of the clock
        comes for it by itself from then on."""
        self.engaged: tuple[str, ...] = ()
        """Agents who were told of it (`people.following`), and perhaps some more."""
        self.starts: tuple[int, ...] = ()
        """Instants at which its source said that it restarted, ascending."""

    @property
    def open(self) -> bool:
        """Whether any visit is open."""
        return any(visit.open for visit in self.visits)

    @property
    def is_full(self) -> bool:
        """Whether it has as many events as one contact may have."""
        return (
            sum(
                EVENT_CHARACTERS
                + len(event.id)
                + len(event.customer)
                + len(event.agent)
                + len(event.source)
                + len(event.to_queue)
                + 2 * len(event.queue)  # its visit holds it as well
                for event in self.log
            )
            > FULL_CHARACTERS
        )

    @property
    def last_at(self) -> int:
        """The latest instant at which anything happened to it."""
        return max(self.log[-1].at, self.clocked)

    def due_of(self, visit: Visit) -> int:
        """Instant at which time alone closes an open visit.

        Waiting runs out by age; in hand, any event of the visit shows that it goes on.
        A restart of the source closes what it left open.
        """
        since = visit.queued_at if visit.waiting else visit.last_at
        due = since + visit.terms.max_age_ms
        for start in self.starts:
            if start > visit.last_at:
                return min(due, start)
        return due


def source_of(log: list[Event]) -> str:
    """Whose contact it is: who told of it first, and not only of a message in it."""
    for event in log:
        if event.kind != Kind.MESSAGE:
            return event.source
    return log[0].source


def insert(log: list[Event], event: Event) -> bool:
    """Put an event at its place in canonical order; False: the log has it already.

    Of two events with the same id but different content the earlier one stays,
    whichever came first.
    """
    place = bisect_left(log, event)
    if place < len(log) and log[place] == event:
        return False
    if event.id:
        for index, other in enumerate(log):
            if other.id == event.id:
                if other < event:
                    return False
                del log[index]
                break
    log.insert(place, event)
    return True
