"""The fold of one contact: event after event, and what time alone brings.

Rule: an event that comes after all others is folded onto what there is (`step`); for
any other event the whole fold runs again (`refold`). Both give the same, so order of
arrival and repetition cannot matter.

An event that fits no visit yet stays pending and is tried again whenever a visit opens:
that is how an exit that its source stamped before the entry finds its visit.
"""

from monitor.core.books import Books
from monitor.core.changes import agree_crossed
from monitor.core.contact import NEVER, Contact
from monitor.core.conversation import Conversation
from monitor.core.events import Event, Kind
from monitor.core.lifecycle import HANDLERS
from monitor.core.phases import Fate, Phase
from monitor.core.visit import (
    Visit,
    post_crossed,
    post_fate,
    post_unfinished,
)
from monitor.core.waiting import CLOCK_SLACK_MS

FOLDED = frozenset(HANDLERS)
"""Kinds that change a contact; the others are counted only."""
_OPENING = frozenset({int(Kind.QUEUED), int(Kind.ANSWERED)})


def step(contact: Contact, event: Event, books: Books) -> None:
    """Fold `event`, which comes after all that were folded before."""
    if event.at > contact.due:
        pass_time(contact, event.at, books)
    if not HANDLERS[event.kind](contact, event, books):
        contact.pending = [*contact.pending, event]
    elif contact.pending and event.kind in _OPENING:
        _retry(contact, event.at - CLOCK_SLACK_MS, books)


def _retry(contact: Contact, since: int, books: Books) -> None:
    """Try pending events again as a visit has opened; drop those before `since`."""
    contact.pending = [
        event
        for event in contact.pending
        if event.at >= since and not HANDLERS[event.kind](contact, event, books)
    ]


def pass_time(contact: Contact, until: int, books: Books) -> None:
    """Let what time alone brings happen: everything due before `until`."""
    contact.due = NEVER
    for visit in contact.visits:
        if not visit.open:
            continue
        due = contact.due_of(visit)
        if due < until:
            _run_out(visit, due, books)
            contact.clocked = max(contact.clocked, due)
        else:
            contact.due = min(contact.due, due)


def refold(contact: Contact, books: Books, now: int) -> None:
    """Make the visits anew from the log, as of the instant `now`."""
    contact.visits = []
    contact.pending = ()
    contact.due = NEVER
    contact.clocked = 0
    base = contact.conversation.base if contact.conversation else None
    contact.conversation = Conversation(base) if base else None
    for event in contact.log:
        step(contact, event, books)
    restarted = contact.starts[-1] + 1 if contact.starts else 0
    pass_time(contact, max(now, restarted), books)
    for visit in contact.visits:
        cross_if_due(visit, now, books)


def _run_out(visit: Visit, at: int, books: Books) -> None:
    before = visit.phase
    visit.phase = Phase.CLOSED
    if visit.fate is Fate.WAITING:
        visit.fate = Fate.EXPIRED
        visit.fate_at = at
        visit.wait_ms = max(0, at - visit.queued_at)
        post_fate(visit, books.fresh(visit))
        agree_crossed(visit, books)
    else:
        visit.unfinished_at = at
        post_unfinished(visit, books.fresh(visit))
    books.moved(visit, before)


def cross_if_due(visit: Visit, now: int, books: Books) -> None:
    """Count a waiting visit as past T once its wait exceeds T at `now`."""
    if (
        visit.waiting
        and not visit.crossed
        and now - visit.queued_at > visit.terms.threshold_ms
    ):
        visit.crossed = True
        post_crossed(visit, books.fresh(visit))
