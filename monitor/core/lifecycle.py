"""What each event does to a contact's visits.

Rule: a handler finds the visit that its event speaks of and changes that visit's facts;
the books are told what was added and what was taken back. A handler returns False when
the contact has no such visit *yet*; an event that cannot be (TRANSITIONS) changes
nothing.
"""

from collections.abc import Callable, Sequence

from monitor.core import tally as names
from monitor.core.books import Books
from monitor.core.contact import Contact
from monitor.core.events import Event, Kind
from monitor.core.phases import TRANSITIONS, Fate, Phase, phases_of
from monitor.core.visit import (
    Visit,
    post_crossed,
    post_fate,
    post_handled,
    post_mark,
    post_offered,
)

CLOCK_SLACK_MS = 60_000
"""How far two clocks that report the same moment may be apart."""
SAME_WAIT_MS = 2_000
"""Reported waits are whole seconds and clocks differ by up to one more (sources.md A1,
trap 7): an exit within this of a visit's own entry speaks of that visit."""

_WAITING = Phase.WAITING
_ALERTING = Phase.ALERTING
_CLOSED = Phase.CLOSED
_CAN_LEAVE = phases_of(Kind.ABANDONED)
_IN_HAND = phases_of(Kind.ANSWERED) - _CAN_LEAVE
_WITH_AGENT = phases_of(Kind.WRAPPED_UP) - {_CLOSED}
_ANY = frozenset(Phase)
_ANSWERED_FATE = Fate.ANSWERED


def agree_crossed(visit: Visit, books: Books) -> None:
    """Make `crossed` agree with the wait, now that the wait is known."""
    late = visit.wait_ms > visit.terms.threshold_ms
    if late and not visit.crossed:
        visit.crossed = True
        post_crossed(visit, books.fresh(visit))
    elif visit.crossed and not late:
        books.retract(visit, post_crossed)
        visit.crossed = False


def _open(contact: Contact, event: Event, at: int, books: Books) -> Visit:
    number = event.visit or len(contact.visits) + 1
    for earlier in contact.visits:
        if earlier.open:
            _supersede(earlier, event.at, books)
    visit = _make(contact, event, number, at, books)
    contact.due = min(contact.due, contact.due_of(visit))
    post_offered(visit, books.fresh(visit))
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
        _settle_fate(visit, Fate.DIVERTED, at, -1, "overflow", books)
        visit.phase = _CLOSED
        books.moved(visit, before)
    else:
        _finish(visit, at, -1, -1, wrap_up=False, books=books)
    visit.implied = True


def _settle_fate(
    visit: Visit, fate: Fate, at: int, wait_ms: int, reason: str, books: Books
) -> None:
    if visit.fate is not Fate.WAITING:
        books.retract(visit, post_fate)
    visit.fate = fate
    visit.fate_at = at
    visit.reason = reason
    visit.wait_ms = wait_ms if wait_ms >= 0 else max(0, at - visit.queued_at)
    visit.alerts = 0
    visit.last_at = max(visit.last_at, at)
    post_fate(visit, books.fresh(visit))
    if visit.crossed or visit.wait_ms > visit.terms.threshold_ms:
        agree_crossed(visit, books)


def _finish(
    visit: Visit, at: int, talk_ms: int, hold_ms: int, *, wrap_up: bool, books: Books
) -> None:
    """The customer is gone; after-contact work may follow."""
    before = visit.phase
    if visit.handled_at:
        books.retract(visit, post_handled)
        visit.handled_at = 0
    if visit.held_since:
        visit.hold_ms += max(0, at - visit.held_since)
        visit.held_since = 0
    if hold_ms >= 0:
        visit.hold_ms = hold_ms
    gross = max(0, at - visit.fate_at - visit.hold_ms)
    visit.talk_ms = talk_ms if talk_ms >= 0 else gross
    visit.ended_at = visit.last_at = at
    visit.implied = False
    if wrap_up:
        visit.phase = Phase.WRAP_UP
    else:
        visit.phase = _CLOSED
        visit.handled_at = at
        post_handled(visit, books.fresh(visit))
    books.moved(visit, before)


def _latest(
    visits: Sequence[Visit], event: Event, phases: frozenset[Phase]
) -> Visit | None:
    """The latest visit in one of `phases`, of the event's number and queue if named."""
    for visit in reversed(visits):
        if visit.phase in phases and _named(visit, event):
            return visit
    return None


def _named(visit: Visit, event: Event) -> bool:
    """Whether the event may speak of this visit: it names no other number or queue."""
    return (not event.visit or event.visit == visit.number) and (
        not event.queue or event.queue == visit.queue
    )


def _latest_implied(visits: Sequence[Visit], event: Event) -> Visit | None:
    for visit in reversed(visits):
        if visit.implied and _named(visit, event):
            return visit
    return None


def _latest_served(visits: Sequence[Visit], event: Event) -> Visit | None:
    for visit in reversed(visits):
        if visit.fate is _ANSWERED_FATE and _named(visit, event):
            return visit
    return None


def _queued(contact: Contact, event: Event, books: Books) -> bool:
    visits = contact.visits
    same: Visit | None = None
    if visits:
        if event.visit:
            same = _latest(visits, event, _ANY)
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


def _rejected(contact: Contact, event: Event, books: Books) -> bool:
    visit = _latest(contact.visits, event, _ANY) if event.visit else None
    if visit is not None:
        return True
    visit = _make(contact, event, event.visit, event.at, books)
    visit.phase = _CLOSED
    visit.fate = Fate.REJECTED
    visit.fate_at = event.at
    visit.reason = event.reason
    post_fate(visit, books.fresh(visit))
    return True


def _answered(contact: Contact, event: Event, books: Books) -> bool:
    visits = contact.visits
    visit = _latest(visits, event, _CAN_LEAVE) if visits else None
    if visit is None:
        visit = _latest(visits, event, _IN_HAND)
        if visit is not None:
            _take_over(visit, event, books)
            return True
        visit = _latest_implied(visits, event)
        if visit is not None and visit.fate is not _ANSWERED_FATE:
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
    _settle_fate(visit, Fate.ANSWERED, event.at, event.duration_ms, "", books)
    books.moved(visit, before)
    return True


def _take_over(visit: Visit, event: Event, books: Books) -> None:
    """Another agent joins or takes over; the visit was answered before."""
    visit.last_at = max(visit.last_at, event.at)
    if event.agent and event.agent != visit.agent:
        visit.former_agent = visit.agent
        visit.agent = event.agent
        books.moved(visit, visit.phase)


def _answer_implied(visit: Visit, event: Event, books: Books) -> None:
    """An answer for a visit whose end alone was seen before: the end stays."""
    ended_at = visit.fate_at
    visit.agent = event.agent
    _settle_fate(visit, Fate.ANSWERED, event.at, event.duration_ms, "", books)
    _finish(visit, max(ended_at, event.at), -1, -1, wrap_up=False, books=books)


def _decided(contact: Contact, event: Event) -> bool:
    """Whether this repeats, by another clock, an end of wait decided already."""
    visit = _latest(contact.visits, event, _ANY)
    if visit is None:
        return False
    if event.visit:
        return True
    return abs(event.at - visit.fate_at) <= CLOCK_SLACK_MS and not (
        visit.fate is _ANSWERED_FATE and visit.ended_at
    )


def _exit(contact: Contact, event: Event, books: Books, fate: Fate) -> bool:
    visits = contact.visits
    if not visits:
        return False
    visit = _latest(visits, event, _CAN_LEAVE) or _latest_implied(visits, event)
    if visit is None:
        return not _speaks_of_another(visits, event)
    if visit.fate is _ANSWERED_FATE:
        return True
    before = visit.phase
    visit.implied = False
    _settle_fate(visit, fate, event.at, event.duration_ms, event.reason, books)
    visit.phase = _CLOSED
    books.moved(visit, before)
    return True


def _speaks_of_another(visits: Sequence[Visit], event: Event) -> bool:
    """Whether an exit is of a visit that isn't there yet, not a repeated one."""
    visit = _latest(visits, event, _ANY)
    if visit is None:
        return True
    if event.duration_ms < 0:
        return False
    entered_at = event.at - event.duration_ms
    return entered_at > max(visit.fate_at, visit.queued_at) + SAME_WAIT_MS or (
        event.duration_ms == 0 and event.at > visit.fate_at
    )


def _abandoned(contact: Contact, event: Event, books: Books) -> bool:
    return _exit(contact, event, books, Fate.ABANDONED)


def _left(contact: Contact, event: Event, books: Books) -> bool:
    return _exit(contact, event, books, Fate.DIVERTED)


def _alerting(contact: Contact, event: Event, books: Books) -> bool:
    visit = _latest(contact.visits, event, _CAN_LEAVE)
    if visit is None:
        visit = _latest(contact.visits, event, _ANY)
        if visit is None:
            return False
    _mark(visit, event.at, names.ALERTS, books)
    if visit.waiting:
        before = visit.phase
        visit.phase = TRANSITIONS[before][Kind.ALERTING]
        visit.alerts += 1
        books.moved(visit, before)
    return True


def _alert_ended(contact: Contact, event: Event, books: Books) -> bool:
    visit = _latest(contact.visits, event, _CAN_LEAVE)
    if visit is None:
        visit = _latest(contact.visits, event, _ANY)
        if visit is None:
            return False
    _mark(visit, event.at, names.ALERT_ENDED + event.reason, books)
    if visit.phase is Phase.ALERTING:
        visit.alerts -= 1
        if visit.alerts <= 0:
            visit.phase = TRANSITIONS[Phase.ALERTING][Kind.ALERT_ENDED]
            books.moved(visit, Phase.ALERTING)
    return True


def _mark(visit: Visit, at: int, name: str, books: Books) -> None:
    if visit.marks is None:
        visit.marks = []
    visit.marks.append((at, name))
    visit.last_at = max(visit.last_at, at)
    post_mark(at, name, books.fresh(visit))


def _held_or_resumed(contact: Contact, event: Event, books: Books) -> bool:
    visit = _latest(contact.visits, event, _IN_HAND)
    if visit is None:
        return bool(contact.visits)
    kind = Kind(event.kind)
    before = visit.phase
    visit.last_at = event.at
    after = TRANSITIONS[before].get(kind)
    if after is None:
        return True
    if kind is Kind.HELD:
        visit.held_since = event.at
    else:
        visit.hold_ms += event.at - visit.held_since
        visit.held_since = 0
    visit.phase = after
    books.moved(visit, before)
    return True


def _transferred(contact: Contact, event: Event, books: Books) -> bool:
    visit = _latest(contact.visits, event, _IN_HAND) or _latest_served(
        contact.visits, event
    )
    if visit is None:
        return bool(contact.visits)
    _mark(visit, event.at, names.TRANSFERRED + event.reason, books)
    return True


def _ended(contact: Contact, event: Event, books: Books) -> bool:
    visits = contact.visits
    visit = _of_agent(visits, event, _IN_HAND) or _latest(visits, event, _IN_HAND)
    if visit is not None:
        if event.agent and event.agent == visit.former_agent != visit.agent:
            # Who handed the contact over leaves; it goes on with the other agent.
            return True
        _finish(
            visit,
            event.at,
            event.duration_ms,
            event.hold_ms,
            wrap_up=event.wrap_up,
            books=books,
        )
        return True
    visit = _latest_implied(visits, event)
    if visit is not None and visit.fate is _ANSWERED_FATE:
        _finish(
            visit,
            event.at,
            event.duration_ms,
            event.hold_ms,
            wrap_up=event.wrap_up,
            books=books,
        )
        return True
    visit = _latest(visits, event, _CAN_LEAVE)
    if visit is None:
        return bool(visits)
    _end_waiting(visit, event, books)
    return True


def _end_waiting(visit: Visit, event: Event, books: Books) -> None:
    """The contact is gone while it waited, and nobody said how: conclude it."""
    before = visit.phase
    gone = event.reason in ("", "customer")
    fate = Fate.ABANDONED if gone else Fate.DIVERTED
    _settle_fate(visit, fate, event.at, -1, "" if gone else "error", books)
    visit.phase = _CLOSED
    visit.implied = True
    books.moved(visit, before)


def _wrapped_up(contact: Contact, event: Event, books: Books) -> bool:
    visits = contact.visits
    visit = _of_agent(visits, event, _WITH_AGENT) or _latest_served(visits, event)
    if visit is None:
        return bool(visits)
    if visit.phase in _IN_HAND:
        end = event.at - max(0, event.duration_ms)
        _finish(visit, max(visit.fate_at, end), -1, -1, wrap_up=True, books=books)
    if visit.unfinished_at:
        return True
    before = visit.phase
    if visit.handled_at:
        books.retract(visit, post_handled)
    reported = event.duration_ms
    visit.acw_ms = reported if reported >= 0 else max(0, event.at - visit.ended_at)
    visit.handled_at = visit.last_at = event.at
    visit.phase = _CLOSED
    post_handled(visit, books.fresh(visit))
    books.moved(visit, before)
    return True


def _of_agent(
    visits: Sequence[Visit], event: Event, phases: frozenset[Phase]
) -> Visit | None:
    if event.agent:
        for visit in reversed(visits):
            if (
                visit.agent == event.agent
                and visit.phase in phases
                and _named(visit, event)
            ):
                return visit
    return None


HANDLERS: dict[int, Callable[[Contact, Event, Books], bool]] = {
    Kind.QUEUED: _queued,
    Kind.REJECTED: _rejected,
    Kind.ANSWERED: _answered,
    Kind.ABANDONED: _abandoned,
    Kind.LEFT: _left,
    Kind.ALERTING: _alerting,
    Kind.ALERT_ENDED: _alert_ended,
    Kind.HELD: _held_or_resumed,
    Kind.RESUMED: _held_or_resumed,
    Kind.TRANSFERRED: _transferred,
    Kind.ENDED: _ended,
    Kind.WRAPPED_UP: _wrapped_up,
}
