"""Conversations of days stay small: messages that are needed no more are dropped.

Rule: a late event comes after the horizon's beginning, so what the fold made of all
that came before is final. Of a message from before, two things are still needed: that
the contact went on, which few of many messages say as well, and what it did to the
conversation, which the `Base` keeps. So dropping changes no number, now or later.

A message's id is forgotten with it: that it comes again is noticed for a horizon at
least, and after that only if it has kept its instant (then it is late).
"""

from monitor.core.books import Books
from monitor.core.contact import NEVER, Contact
from monitor.core.conversation import Base, Conversation, FirstResponse
from monitor.core.events import Event, Kind
from monitor.core.fold import step
from monitor.core.panes import PANE_MS


def thin_messages(contact: Contact, past: int, books: Books) -> None:
    """Drop messages before `past` without which the contact would be no other.

    No event from before `past` can come any more. `books` are apart from the live ones.
    """
    # Sums are kept by pane, and a pane is final when all of it is.
    until = past // PANE_MS * PANE_MS
    conversation = contact.conversation
    if conversation is None or conversation.is_settled(until - 1):
        return
    conversation.base = _base(contact, until, books)
    for visit in contact.visits:
        if visit.talk is not None:
            visit.talk.forget_before(until)
    contact.log = _needed(contact, until)


def _base(contact: Contact, until: int, books: Books) -> Base:
    """What the conversation was at `until`."""
    twin = Contact(contact.id, contact.source)
    twin.starts = contact.starts
    if contact.conversation is not None and contact.conversation.base is not None:
        twin.conversation = Conversation(contact.conversation.base)
    for event in contact.log:
        if event.at >= until:
            break
        step(twin, event, books)
    found = twin.conversation or Conversation()
    return Base(
        until,
        found.last_at,
        found.asked_at,
        found.is_outside,
        found.carried,
        [v.talk.response if v.talk else FirstResponse() for v in twin.visits],
    )


def _needed(contact: Contact, until: int) -> list[Event]:
    """The log without messages that say nothing but what their neighbours say.

    All that a message before the horizon still says is that every visit that was open
    went on. So of those between two messages that are nearer than every age of the
    visits, none is needed; other events speak of one visit, and don't count here.
    """
    ages = (visit.terms.max_age_ms for visit in contact.visits)
    nearest = min(ages, default=NEVER)
    kept: list[Event] = []
    since = -NEVER
    following = _next_messages(contact.log)
    for event, next_at in zip(contact.log, following, strict=True):
        if event.kind == Kind.MESSAGE:
            if event.at < until and next_at - since <= nearest:
                continue
            since = event.at
        kept.append(event)
    return kept


def _next_messages(log: list[Event]) -> list[int]:
    """For each event the instant of the next message after it."""
    found = []
    next_at = NEVER
    for event in reversed(log):
        found.append(next_at)
        if event.kind == Kind.MESSAGE:
            next_at = event.at
    return found[::-1]
