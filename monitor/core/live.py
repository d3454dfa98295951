"""The books of the live state: queues, who waits where, and fresh contributions.

Rule: everything that the fold of a live contact writes goes through here, so here is
known which queues changed and which waiting visits have a threshold to cross.
"""

from monitor.core.books import Post, take_back
from monitor.core.panes import Fresh, Page
from monitor.core.phases import Phase
from monitor.core.queue_state import QueueState
from monitor.core.rules import OTHER_QUEUE, Rules
from monitor.core.tally import Tally
from monitor.core.terms import Terms
from monitor.core.timers import Timers
from monitor.core.view import PartitionCounts
from monitor.core.visit import Visit

_CLOSED = Phase.CLOSED


class LiveBooks:
    """The queues of one source partition (`books.Books` of its live contacts)."""

    __slots__ = (
        "_counts",
        "_names",
        "_rules",
        "ages",
        "changed",
        "crossings",
        "queues",
        "silences",
    )

    def __init__(self, rules: Rules, counts: PartitionCounts) -> None:
        """No queue yet; queues beyond the limit are counted in `counts`."""
        self.queues: dict[tuple[str, str], QueueState] = {}
        self.changed: set[QueueState] = set()
        """Queues whose numbers changed by an event since somebody cleared this."""
        self.crossings: Timers[Visit] = Timers()
        """Waiting visits, by the instant at which their wait reaches T."""
        self.ages: Timers[str] = Timers()
        """Contacts, by the instant of the clock at which to look at their age."""
        self.silences: Timers[Visit] = Timers()
        """Visits with messages, by the instant from which on they may be inactive."""
        self._rules = rules
        self._counts = counts
        self._names: set[str] = set()

    def open(self, queue: str, channel: str) -> tuple[QueueState, Terms]:
        """The queue that counts for a name and channel, and its terms now."""
        state = self.queue_of(queue, channel)
        return state, state.terms

    def queue_of(self, queue: str, channel: str) -> QueueState:
        """The queue that counts for a name and channel; beyond the limit, the other."""
        found = self.queues.get((queue, channel))
        if found is not None:
            return found
        rules = self._rules
        if (
            queue not in self._names
            and len(self._names) >= rules.max_queues
            and queue not in rules.own_queues
        ):
            self._counts.queues_folded += 1
            queue = OTHER_QUEUE
        return self.queue_state(queue, channel)

    def queue_state(self, queue: str, channel: str) -> QueueState:
        """The queue of exactly this name and channel, made when it isn't there."""
        found = self.queues.get((queue, channel))
        if found is None:
            found = QueueState(queue, channel, self._rules)
            self.queues[queue, channel] = found
            if queue != OTHER_QUEUE and queue not in self._rules.own_queues:
                self._names.add(queue)
        return found

    def fresh(self, visit: Visit) -> Fresh:
        """The live pages of the visit's queue."""
        self.changed.add(visit.state)
        return visit.state.fresh

    def retract(self, visit: Visit, post: Post) -> None:
        """Take back a contribution and count that it was taken back."""
        taken: Tally = {}
        for page in take_back(visit, post, self.fresh(visit)).values():
            for name, amount in page.items():
                taken[name] = taken.get(name, 0) + amount
        visit.state.panes.correct(taken)

    def moved(self, visit: Visit, before: Phase | None) -> None:
        """Keep the live counts: who waits, who is in hand, with whom."""
        state = visit.state
        self.changed.add(state)
        if before is None:
            self.watch(visit)
            state.enter(visit)
        else:
            state.move(visit, before)
            if before is _CLOSED and visit.open:
                # An end that was only concluded had closed it: its age counts again.
                self.watch(visit)

    def watch(self, visit: Visit) -> None:
        """Set the timers of a visit that opens, or opens anew."""
        if visit.terms.max_age_ms < self._rules.horizon_ms and visit.open:
            # Too short an age to wait for the contact's first review.
            self.ages.push(visit.queued_at + visit.terms.max_age_ms, visit.contact)
        if visit.waiting and not visit.crossed:
            self.crossings.push(visit.queued_at + visit.terms.threshold_ms, visit)
        if visit.talk is not None:
            self.heard(visit)

    def heard(self, visit: Visit) -> None:
        """Somebody wrote, so the visit is active; a timer will look when it isn't."""
        talk = visit.talk
        if talk is None or not visit.open:
            return
        talk.is_silent = False
        if not talk.is_timed:
            talk.is_timed = True
            self.silences.push(silent_from(visit), visit)
        visit.state.place(visit)
        self.changed.add(visit.state)

    def book(self, state: QueueState, changes: Fresh, taken_back: Tally) -> None:
        """Contribute net changes, and count what a correction took back."""
        self.changed.add(state)
        for number, page in changes.items():
            target = state.fresh.setdefault(number, Page())
            for name, amount in page.items():
                target[name] += amount
        if taken_back:
            state.panes.correct(taken_back)


def silent_from(visit: Visit) -> int:
    """From when on a visit with messages is inactive, if nobody writes."""
    last_at = visit.talk.conversation.last_at if visit.talk else 0
    return last_at + visit.state.rules.inactive_after_ms
