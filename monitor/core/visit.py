"""The visit: one stay of one contact in one queue, and what it adds to the sums.

Rule: a visit is a record of facts, changed only by `contact`; what it contributes is a
function of its facts alone, so it can be taken out of the sums and put in again at any
time. Which event may happen in which phase is `phases.TRANSITIONS`.
"""

from monitor.core import tally as names
from monitor.core.conversation import Talk, post_said
from monitor.core.panes import PANE_MS, Fresh, Page
from monitor.core.people.hands import Note
from monitor.core.phases import Fate, Phase
from monitor.core.queue_state import QueueState
from monitor.core.terms import Terms


class Visit:
    """Facts of one visit; instants and durations in milliseconds, 0: not yet."""

    __slots__ = (
        "acw_ms",
        "agent",
        "alerts",
        "contact",
        "crossed",
        "ended_at",
        "fate",
        "fate_at",
        "former_agent",
        "handled_at",
        "hands",
        "held_since",
        "hold_ms",
        "implied",
        "last_at",
        "marks",
        "number",
        "phase",
        "queue",
        "queued_at",
        "queued_seen",
        "reason",
        "seated",
        "state",
        "talk",
        "talk_ms",
        "terms",
        "unfinished_at",
        "wait_ms",
    )

    def __init__(
        self, contact: str, number: int, state: QueueState, terms: Terms, at: int
    ) -> None:
        """Open a visit that begins to wait at `at`."""
        self.contact = contact
        self.number = number
        self.queue = state.name
        """The name that the events use; `state.name` is the one that is counted."""
        self.state = state
        self.terms = terms
        self.phase = Phase.WAITING
        self.fate = Fate.WAITING
        self.reason = ""
        self.implied = False
        """The fate or the end was concluded from other events."""
        self.queued_at = at
        self.queued_seen = True
        self.fate_at = 0
        self.wait_ms = 0
        self.crossed = False
        """Its wait exceeded T, and that is in the sums."""
        self.agent = ""
        self.former_agent = ""
        self.seated = ""
        """The agent under whom `state.agents` counts it now."""
        self.alerts = 0
        """Phones that ring for it now."""
        self.held_since = 0
        self.hold_ms = 0
        self.talk_ms = 0
        self.acw_ms = 0
        self.ended_at = 0
        self.handled_at = 0
        self.unfinished_at = 0
        self.last_at = at
        self.marks: list[tuple[int, str]] | None = None
        """Countable extras, by instant: offers to agents, transfers."""
        self.hands: list[Note] | None = None
        """Who had it, where the other facts don't say."""
        self.talk: Talk | None = None
        """What was written in it; None: it has no messages."""

    @property
    def waiting(self) -> bool:
        """Whether it waits, with a phone ringing or not."""
        return self.phase <= Phase.ALERTING

    @property
    def open(self) -> bool:
        """Whether anything is still to come."""
        return self.phase is not Phase.CLOSED


def _page(fresh: Fresh, at: int) -> Page:
    number = at // PANE_MS
    page = fresh.get(number)
    if page is None:
        page = fresh[number] = Page()
    return page


def post_offered(visit: Visit, fresh: Fresh) -> None:
    """Contribute the entry into the queue, at `queued_at`."""
    _page(fresh, visit.queued_at)[names.OFFERED] += 1


def post_fate(visit: Visit, fresh: Fresh) -> None:
    """Contribute the fate, at `fate_at`; nothing while it waits."""
    fate = visit.fate
    if fate is Fate.WAITING:
        return
    page = _page(fresh, visit.fate_at)
    if fate is Fate.ANSWERED:
        wait = visit.wait_ms
        page[names.ANSWERED] += 1
        page[names.ANSWERED_WAIT] += wait
        page[visit.state.answer_buckets.name(wait)] += 1
        in_time = wait <= visit.terms.threshold_ms
        page[names.ANSWERED_IN_TIME if in_time else names.ANSWERED_LATE] += 1
    elif fate is Fate.ABANDONED:
        _post_abandoned(visit, page)
    elif fate is Fate.DIVERTED:
        page[names.DIVERTED + visit.reason] += 1
        if visit.wait_ms <= visit.terms.threshold_ms:
            page[names.DIVERTED_IN_TIME] += 1
    elif fate is Fate.EXPIRED:
        page[names.EXPIRED] += 1
    else:
        page[names.REJECTED + visit.reason] += 1


def _post_abandoned(visit: Visit, page: Page) -> None:
    wait = visit.wait_ms
    page[names.ABANDONED] += 1
    page[names.ABANDONED_WAIT] += wait
    page[visit.state.abandon_buckets.name(wait)] += 1
    short = wait < visit.terms.short_abandon_ms
    if short:
        page[names.ABANDONED_SHORT] += 1
    if wait <= visit.terms.threshold_ms:
        page[names.ABANDONED_SHORT_IN_TIME if short else names.ABANDONED_IN_TIME] += 1


def post_crossed(visit: Visit, fresh: Fresh) -> None:
    """Contribute that the wait exceeded T, at `queued_at + T`."""
    _page(fresh, visit.queued_at + visit.terms.threshold_ms)[names.CROSSED] += 1


def post_handled(visit: Visit, fresh: Fresh) -> None:
    """Contribute talk, hold and after-contact work, at `handled_at`."""
    page = _page(fresh, visit.handled_at)
    talk, hold, acw = visit.talk_ms, visit.hold_ms, visit.acw_ms
    page[names.HANDLED] += 1
    page[visit.state.handle_buckets.name(talk + hold + acw)] += 1
    if talk:
        page[names.TALK] += talk
    if hold:
        page[names.HOLD] += hold
        page[names.HELD] += 1
    if acw:
        page[names.ACW] += acw


def post_unfinished(visit: Visit, fresh: Fresh) -> None:
    """Contribute that the end was never seen, at `unfinished_at`."""
    _page(fresh, visit.unfinished_at)[names.UNFINISHED] += 1


def post(at: int, name: str, amount: int, fresh: Fresh) -> None:
    """Contribute an amount, at its instant."""
    _page(fresh, at)[name] += amount


def post_mark(at: int, name: str, fresh: Fresh) -> None:
    """Contribute one countable extra, at its instant."""
    _page(fresh, at)[name] += 1


def post_all(visit: Visit, fresh: Fresh) -> None:
    """Contribute everything that the visit's facts give."""
    if visit.fate is not Fate.REJECTED:
        post_offered(visit, fresh)
    post_fate(visit, fresh)
    if visit.crossed:
        post_crossed(visit, fresh)
    if visit.handled_at:
        post_handled(visit, fresh)
    if visit.unfinished_at:
        post_unfinished(visit, fresh)
    for at, name in visit.marks or ():
        post_mark(at, name, fresh)
    if visit.talk is not None:
        post_said(visit.talk, fresh)
