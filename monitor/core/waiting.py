"""The wait: entries, offers to agents, answers and exits.

Rule: see `lifecycle`. Each handler returns False when the contact has no visit yet that
its event speaks of.
"""

from collections.abc import Sequence

from monitor.core import tally as names
from monitor.core.books import Books
from monitor.core.changes import finish, mark, settle_fate
from monitor.core.contact import Contact
from monitor.core.events import Event, Kind
from monitor.core.finding import (
    ANY,
    CAN_LEAVE,
    IN_HAND,
    latest,
    latest_implied,
)
from monitor.core.messaging import enter
from monitor.core.people.hands import Hand, note
from monitor.core.phases import TRANSITIONS, Fate, Phase
from monitor.core.visit import Visit, post_crossed, post_fate, post_offered

CLOCK_SLACK_MS = 60_000
"""How far two clocks that report the same moment may be apart."""
SAME_WAIT_MS = 2_000
"""Reported waits are whole seconds and clocks differ by up to one more (sources.md A1,
trap 7): an exit within this of a visit's own entry speaks of that visit."""
_CLOSED = Phase.CLOSED
_ANSWERED = Fate.ANSWERED


def queued(contact: Contact, event: Event, books: Books) -> bool:
    """A visit begins, or the entry of one that is known already."""
    visits = contact.visits
    same: Visit | None = None
    if visits:
        if event.visit:
            same = latest(visits, event, ANY)
        elif visits[-1].open and visits[-1].queue == event.queue:
            same = visits[-1]
    if same is not None and not same.queued_seen:
        if event.visit or event.at - same.fate_at <= CLOCK_SLACK_MS:
            _attach_entry(same, event.at, books)
            return True
        same = None
    if same is not None:
        return True
    visit = _open(contact, event, event.at, books)
    books.moved(visit, None)
    return True


def _open(contact: Contact, event: Event, at: int, books: Books) -> Visit:
    visits = contact.visits
    for earlier in visits:
        if earlier.open:
            _supersede(earlier, event.at, books)
    visit = _make(contact, event, event.visit or len(visits) + 1, at, books)
    due = contact.due_of(visit) if contact.starts else at + visit.terms.max_age_ms
    if due < contact.due:
        contact.due = due
    post_offered(visit, books.fresh(visit))
    if contact.conversation is not None:
        enter(contact, visit, event, books)
    return visit


def _make(contact: Contact, event: Event, number: int, at: int, books: Books) -> Visit:
    state, terms = books.open(event.queue, event.channel or "voice")
    visit = Visit(contact.id, number, state, terms, at)
    visit.queue = event.queue
    contact.visits.append(visit)
    return visit


def _supersede(visit: Visit, at: int, books: Books) -> None:
    """Conclude that a visit is over, because the contact is in another queue now."""
    before = visit.phase
    if visit.waiting:
        settle_fate(visit, Fate.DIVERTED, at, -1, "overflow", books)
        visit.phase = _CLOSED
        books.moved(visit, before)
    else:
        finish(visit, at, -1, -1, wrap_up=False, books=books)
    visit.implied = True


def _attach_entry(visit: Visit, at: int, books: Books) -> None:
    """The entry of a visit known by its answer only, stamped by a slow clock."""
    books.retract(visit, post_offered)
    crossed = visit.crossed
    if crossed:
        books.retract(visit, post_crossed)
    visit.queued_at = at
    visit.queued_seen = True
    fresh = books.fresh(visit)
    post_offered(visit, fresh)
    if crossed:
        post_crossed(visit, fresh)


def rejected(contact: Contact, event: Event, books: Books) -> bool:
    """The contact was refused before it queued."""
    visit = latest(contact.visits, event, ANY) if event.visit else None
    if visit is not None:
        return True
    visit = _make(contact, event, event.visit, event.at, books)
    visit.phase = _CLOSED
    visit.fate = Fate.REJECTED
    visit.fate_at = event.at
    visit.reason = event.reason
    post_fate(visit, books.fresh(visit))
    return True


def alerting(contact: Contact, event: Event, books: Books) -> bool:
    """An agent's phone rings."""
    visit = _offered(contact, event)
    if visit is None:
        return False
    mark(visit, event.at, names.ALERTS, books)
    if visit.waiting:
        before = visit.phase
        visit.phase = TRANSITIONS[before][Kind.ALERTING]
        visit.alerts += 1
        if event.agent:
            note(visit, event.at, Hand.RINGS, event.agent)
        books.moved(visit, before)
    return True


def alert_ended(contact: Contact, event: Event, books: Books) -> bool:
    """An agent's phone stopped ringing without an answer."""
    visit = _offered(contact, event)
    if visit is None:
        return False
    mark(visit, event.at, names.ALERT_ENDED + event.reason, books)
    if visit.phase is Phase.ALERTING:
        visit.alerts -= 1
        if visit.alerts > 0:
            # Whose phone it was is known only if it is said.
            if event.agent:
                note(visit, event.at, Hand.SILENT, event.agent)
        else:
            note(visit, event.at, Hand.SILENT)
            visit.phase = TRANSITIONS[Phase.ALERTING][Kind.ALERT_ENDED]
            books.moved(visit, Phase.ALERTING)
    return True


def _offered(contact: Contact, event: Event) -> Visit | None:
    """The visit that an offer to an agent speaks of: one that waits, else any."""
    visits = contact.visits
    return latest(visits, event, CAN_LEAVE) or latest(visits, event, ANY)


def answered(contact: Contact, event: Event, books: Books) -> bool:
    """An agent was connected."""
    visits = contact.visits
    visit = latest(visits, event, CAN_LEAVE) if visits else None
    if visit is None:
        visit = latest(visits, event, IN_HAND)
        if visit is not None:
            _take_over(visit, event, books)
            return True
        visit = latest_implied(visits, event)
        if visit is not None and visit.fate is not _ANSWERED:
            _answer_implied(visit, event, books)
            return True
        if not event.queue or _decided(contact, event):
            return bool(visits) and not event.visit
        wait = max(0, event.duration_ms)
        visit = _open(contact, event, event.at - wait, books)
        visit.queued_seen = False
        books.moved(visit, None)
    before = visit.phase
    visit.phase = TRANSITIONS[before][Kind.ANSWERED]
    visit.agent = event.agent
    settle_fate(visit, Fate.ANSWERED, event.at, event.duration_ms, "", books)
    books.moved(visit, before)
    return True


def _take_over(visit: Visit, event: Event, books: Books) -> None:
    """Another agent joins or takes over; the visit was answered before."""
    before = visit.phase
    visit.last_at = max(visit.last_at, event.at)
    if visit.held_since:
        visit.hold_ms += max(0, event.at - visit.held_since)
        visit.held_since = 0
        note(visit, event.at, Hand.TALKS)
    visit.phase = TRANSITIONS[before][Kind.ANSWERED]
    if event.agent and event.agent != visit.agent:
        note(visit, event.at, Hand.HANDED_OVER, visit.agent)
        visit.former_agent = visit.agent
        visit.agent = event.agent
    books.moved(visit, before)


def _answer_implied(visit: Visit, event: Event, books: Books) -> None:
    """An answer for a visit whose end alone was seen before: the end stays."""
    ended_at = visit.fate_at
    visit.agent = event.agent
    settle_fate(visit, Fate.ANSWERED, event.at, event.duration_ms, "", books)
    finish(visit, max(ended_at, event.at), -1, -1, wrap_up=False, books=books)


def _decided(contact: Contact, event: Event) -> bool:
    """Whether this repeats, by another clock, an end of wait decided already."""
    visit = latest(contact.visits, event, ANY)
    if visit is None:
        return False
    if event.visit:
        return True
    return abs(event.at - visit.fate_at) <= CLOCK_SLACK_MS and not (
        visit.fate is _ANSWERED and visit.ended_at
    )


def abandoned(contact: Contact, event: Event, books: Books) -> bool:
    """The customer left before an answer."""
    return _exit(contact, event, books, Fate.ABANDONED)


def left(contact: Contact, event: Event, books: Books) -> bool:
    """It left the queue otherwise."""
    return _exit(contact, event, books, Fate.DIVERTED)


def _exit(contact: Contact, event: Event, books: Books, fate: Fate) -> bool:
    visits = contact.visits
    if not visits:
        return False
    visit = latest(visits, event, CAN_LEAVE) or latest_implied(visits, event)
    if visit is None:
        return not _speaks_of_another(visits, event)
    if visit.fate is _ANSWERED:
        return True
    before = visit.phase
    visit.implied = False
    settle_fate(visit, fate, event.at, event.duration_ms, event.reason, books)
    visit.phase = _CLOSED
    books.moved(visit, before)
    return True


def _speaks_of_another(visits: Sequence[Visit], event: Event) -> bool:
    """Whether an exit is of a visit that isn't there yet, not a repeated one."""
    visit = latest(visits, event, ANY)
    if visit is None:
        return True
    if event.duration_ms < 0:
        return False
    entered_at = event.at - event.duration_ms
    return entered_at > max(visit.fate_at, visit.queued_at) + SAME_WAIT_MS or (
        event.duration_ms == 0 and event.at > visit.fate_at
    )
