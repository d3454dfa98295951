"""Messages: whose visit they belong to, and which of them are responses.

Rule: a contact's conversation is one, whatever visits it makes. A run of unanswered
customer messages ends with the next message of an agent, whose visit gets the response;
bots and systems end none.

A message belongs to the open visit: an agent's to the one that the agent has or had.
Last words, up to a minute after the end, belong to the visit that was served. What is
written in no visit (to a bot before the queue) comes into the next queue with the
contact and counts there from then on.

The first response of a visit counts from the first customer message in it, or in no
visit before it, else from the entry into the queue. Who was still waiting for a
response when another queue took over waits for that queue's since its entry.
"""

from monitor.core import tally as names
from monitor.core.books import Books
from monitor.core.contact import Contact
from monitor.core.conversation import Conversation, FirstResponse, Talk
from monitor.core.events import Event
from monitor.core.finding import named
from monitor.core.phases import Fate
from monitor.core.rules import RESPONSE_BUCKETS_MS
from monitor.core.tally import Buckets
from monitor.core.visit import Visit, post

LAST_WORDS_MS = 60_000
"""So long after the end of a visit a message still belongs to it: two clocks may be as
far apart, and a mail may end the visit that it answers."""
CUSTOMER = "customer"
AGENT = "agent"
UNKNOWN = "unknown"
"""Author of a message whose source doesn't say who wrote it."""
_BUCKETS = Buckets(names.FIRST_RESPONSE_LE, RESPONSE_BUCKETS_MS)
_ANSWERED = Fate.ANSWERED


def message(contact: Contact, event: Event, books: Books) -> bool:
    """Somebody wrote."""
    open_visits = [visit for visit in contact.visits if visit.open]
    for visit in open_visits:
        if event.at > visit.last_at:
            visit.last_at = event.at
    conversation = contact.conversation
    if conversation is None:
        conversation = contact.conversation = Conversation()
    elif conversation.is_settled(event.at):
        return True
    conversation.last_at = max(conversation.last_at, event.at)
    _count(contact, conversation, event, books)
    for visit in open_visits:
        _talk(visit, conversation)
        books.heard(visit)
    return True


def _count(
    contact: Contact, conversation: Conversation, event: Event, books: Books
) -> None:
    author = event.reason or UNKNOWN
    visit = _visit_of(contact, event)
    if author == CUSTOMER:
        _asks(visit, conversation, event.at)
    elif author == AGENT:
        _responds(visit, conversation, event.at, books)
    if visit is None:
        carried = conversation.carried
        carried[author] = carried.get(author, 0) + 1
    else:
        _say(visit, conversation, event.at, names.MESSAGES + author, 1, books)


def enter(contact: Contact, visit: Visit, event: Event, books: Books) -> None:
    """A visit opens in a contact that has messages; `visit` is its newest."""
    conversation = contact.conversation
    if conversation is None:
        return
    talk = _talk(visit, conversation)
    base = conversation.base
    if base is not None and event.at < base.until:
        place = len(contact.visits) - 1
        if place < len(base.responses):
            talk.response = base.responses[place]
        return
    if conversation.asked_at:
        is_new = conversation.is_outside
        asked_at = conversation.asked_at if is_new else visit.queued_at
        talk.response = FirstResponse(asked_at)
        conversation.is_outside = False
    for author, count in conversation.carried.items():
        _say(visit, conversation, event.at, names.MESSAGES + author, count, books)
    conversation.carried = {}


def _talk(visit: Visit, conversation: Conversation) -> Talk:
    if visit.talk is None:
        visit.talk = Talk(conversation)
    return visit.talk


def _visit_of(contact: Contact, event: Event) -> Visit | None:
    """The visit that the message belongs to; None: the contact is in none."""
    fitting = [v for v in contact.visits if v.open or _just_ended(v, event.at)]
    fitting = [v for v in fitting if named(v, event)] or fitting
    if event.reason == AGENT and event.agent:
        for visit in reversed(fitting):
            if event.agent in (visit.agent, visit.former_agent):
                return visit
    for visit in reversed(fitting):
        if visit.open:
            return visit
    return fitting[-1] if fitting else None


def _just_ended(visit: Visit, at: int) -> bool:
    ended_at = max(visit.ended_at, visit.handled_at, visit.unfinished_at)
    return visit.fate is _ANSWERED and at - ended_at <= LAST_WORDS_MS


def _asks(visit: Visit | None, conversation: Conversation, at: int) -> None:
    if not conversation.asked_at:
        conversation.asked_at = at
        conversation.is_outside = visit is None
    if visit is not None:
        talk = _talk(visit, conversation)
        if not talk.response.at and not talk.response.asked_at:
            talk.response = FirstResponse(at)


def _responds(
    visit: Visit | None, conversation: Conversation, at: int, books: Books
) -> None:
    if visit is not None:
        asked_at = conversation.asked_at
        if asked_at:
            _say(visit, conversation, at, names.RESPONSES, 1, books)
            _say(visit, conversation, at, names.RESPONSE, at - asked_at, books)
        talk = _talk(visit, conversation)
        if not talk.response.at:
            since = talk.response.asked_at or visit.queued_at
            after = max(0, at - since)
            talk.response = FirstResponse(since, at, after)
            _say(visit, conversation, at, names.FIRST_RESPONSES, 1, books)
            _say(visit, conversation, at, names.FIRST_RESPONSE, after, books)
            _say(visit, conversation, at, _BUCKETS.name(after), 1, books)
    conversation.asked_at = 0
    conversation.is_outside = False


def _say(
    visit: Visit,
    conversation: Conversation,
    at: int,
    name: str,
    amount: int,
    books: Books,
) -> None:
    post(at, name, amount, books.fresh(visit))
    _talk(visit, conversation).say(at, name, amount)
