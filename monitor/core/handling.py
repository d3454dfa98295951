"""In hand: hold, transfer, the end and after-contact work.

Rule: see `lifecycle`. Each handler returns False when the contact has no visit yet that
its event speaks of.
"""

from monitor.core import tally as names
from monitor.core.books import Books
from monitor.core.changes import finish, mark, settle_fate
from monitor.core.contact import Contact
from monitor.core.events import Event, Kind
from monitor.core.finding import (
    CAN_LEAVE,
    IN_HAND,
    WITH_AGENT,
    latest,
    latest_implied,
    latest_served,
    of_agent,
)
from monitor.core.people.hands import Hand, note
from monitor.core.phases import TRANSITIONS, Fate, Phase
from monitor.core.visit import Visit, post_handled

_CLOSED = Phase.CLOSED
_ANSWERED = Fate.ANSWERED


def held_or_resumed(contact: Contact, event: Event, books: Books) -> bool:
    """The customer is put on hold, or taken back."""
    visit = latest(contact.visits, event, IN_HAND)
    if visit is None:
        return bool(contact.visits)
    kind = Kind(event.kind)
    before = visit.phase
    # A pending event is older than the entry that it waited for.
    visit.last_at = max(visit.last_at, event.at)
    after = TRANSITIONS[before].get(kind)
    if after is None:
        return True
    if kind is Kind.HELD:
        visit.held_since = event.at
        note(visit, event.at, Hand.HOLDS)
    else:
        visit.hold_ms += event.at - visit.held_since
        visit.held_since = 0
        note(visit, event.at, Hand.TALKS)
    visit.phase = after
    books.moved(visit, before)
    return True


def transferred(contact: Contact, event: Event, books: Books) -> bool:
    """The agent passes the contact on."""
    visit = latest(contact.visits, event, IN_HAND) or latest_served(
        contact.visits, event
    )
    if visit is None:
        return bool(contact.visits)
    mark(visit, event.at, names.TRANSFERRED + event.reason, books)
    return True


def ended(contact: Contact, event: Event, books: Books) -> bool:
    """The customer is gone; after-contact work may follow."""
    visits = contact.visits
    visit = of_agent(visits, event, IN_HAND) or latest(visits, event, IN_HAND)
    if visit is None:
        visit = latest_implied(visits, event)
        if visit is None or visit.fate is not _ANSWERED:
            visit = latest(visits, event, CAN_LEAVE)
            if visit is None:
                return bool(visits)
            _end_waiting(visit, event, books)
            return True
    elif event.agent and event.agent == visit.former_agent != visit.agent:
        # Who handed the contact over leaves; it goes on with the other agent.
        return True
    finish(
        visit,
        event.at,
        event.duration_ms,
        event.hold_ms,
        wrap_up=event.wrap_up,
        books=books,
    )
    if event.wrap_up:
        # An end that was only concluded had closed it, so no age was waited for.
        contact.due = min(contact.due, contact.due_of(visit))
    return True


def _end_waiting(visit: Visit, event: Event, books: Books) -> None:
    """The contact is gone while it waited, and nobody said how: conclude it."""
    before = visit.phase
    gone = event.reason in ("", "customer")
    fate = Fate.ABANDONED if gone else Fate.DIVERTED
    settle_fate(visit, fate, event.at, -1, "" if gone else "error", books)
    visit.phase = _CLOSED
    visit.implied = True
    books.moved(visit, before)


def wrapped_up(contact: Contact, event: Event, books: Books) -> bool:
    """After-contact work is over."""
    visits = contact.visits
    visit = of_agent(visits, event, WITH_AGENT) or latest_served(visits, event)
    if visit is None:
        return bool(visits)
    if event.agent and event.agent == visit.former_agent != visit.agent:
        # Who handed the contact over is done with it; the other agent isn't.
        return True
    if visit.phase in IN_HAND:
        end = event.at - max(0, event.duration_ms)
        finish(visit, max(visit.fate_at, end), -1, -1, wrap_up=True, books=books)
    if visit.unfinished_at:
        return True
    before = visit.phase
    if visit.handled_at:
        books.retract(visit, post_handled)
    reported = event.duration_ms
    if before is _CLOSED and visit.handled_at == visit.ended_at and reported >= 0:
        note(visit, event.at - reported, Hand.WRAPS_UP)
    visit.acw_ms = reported if reported >= 0 else max(0, event.at - visit.ended_at)
    visit.handled_at = event.at
    visit.last_at = max(visit.last_at, event.at)
    visit.phase = _CLOSED
    post_handled(visit, books.fresh(visit))
    books.moved(visit, before)
    return True
