"""A person's time as a list of spans, from what they said and what contacts say.

Rule: a pure function of a set: the events and engagements in memory, and a `Base` that
stands for everything older. A timeline has no end: its last span goes on for ever, and
what silence will bring (`unknown`) is in it already, at its future instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from monitor.core.people.engagement import Engagement, Mark
from monitor.core.people.events import AgentEvent, AgentKind, Interval
from monitor.core.people.plan import NEVER, ahead, overlaid, replaced
from monitor.core.people.rules import StaffRules
from monitor.core.people.said import SHOWN_AS, TRANSITIONS, Said
from monitor.core.people.slots import Slots, load_of
from monitor.core.people.states import (
    CAN_TAKE,
    HANDLING,
    OVER,
    UNKNOWN,
    WITH_CONTACT,
    Load,
    Span,
)
from monitor.core.rules import OTHER_QUEUE

MAX_WORKED = 50
"""Queues besides the announced ones that a person is shown to serve; the contacts of
further ones are those of `OTHER_QUEUE`."""
_SPEAKS = AgentKind.HEARTBEAT
"""Kinds up to this one are news of the person; plans and trainings are not."""
_Point = tuple[int, int, int, str]
"""Instant; 0 for a mark and 1 for an event; which one; the mark's state."""


class Base(NamedTuple):
    """What is known of a person from before the instant `at`."""

    at: int = 0
    known: bool = False
    """Whether there is anything to tell of the time right before `at`."""
    said: Said = Said.NOTHING
    reason: str = ""
    """Why away, if that was said last."""
    announced: tuple[str, ...] = ()
    """Queues that the person said to serve."""
    worked: tuple[str, ...] = ()
    """Queues besides, of which contacts came since that was said."""
    beats: bool = False
    """Whether a heartbeat was ever sent."""
    heard: int = 0
    """The latest news, of whichever side."""
    contact_at: int = 0
    """The latest news of a contact."""
    shown: tuple[str, str] = ("", "")
    """State and reason right before `at`."""
    since: int = 0
    """When that state began."""
    slots: Slots = ()
    """Contacts that the person takes at once, as said last."""
    plan: tuple[Interval, ...] = ()
    """What was planned for `at` and after: disjoint, sorted, within the bounds of
    `plan`."""


class Timeline(NamedTuple):
    """A person's time."""

    spans: list[Span]
    """From the base on; none if there is nothing to tell."""
    complete_until: int
    """From then on they lack the plan."""
    bookmark: Base
    """The base that stands for everything before the cut."""


def timeline(
    base: Base,
    events: Sequence[AgentEvent],
    engagements: Sequence[Engagement],
    rules: StaffRules,
    *,
    until: int,
    cut: int,
) -> Timeline:
    """The spans from `base.at` on.

    `events` are in canonical order, none before `base.at`. What is planned from `until`
    on may be left out. A `cut` before `base.at` is there.
    """
    sweep = _Sweep(base, events, engagements, rules)
    bookmark = base
    if cut > base.at:
        sweep.run(cut)
        bookmark = sweep.as_base(cut)
    sweep.run(NEVER)
    spans, plan = sweep.spans, sweep.plan
    if not plan:
        return Timeline(spans, NEVER, bookmark)
    complete = until if plan[-1].end > until else NEVER
    return Timeline(overlaid(spans, plan, until), complete, bookmark)


def base_at(
    cut: int,
    base: Base,
    events: Sequence[AgentEvent],
    engagements: Sequence[Engagement],
    rules: StaffRules,
) -> Base:
    """The base that stands for everything before `cut`, which is after `base.at`."""
    sweep = _Sweep(base, events, engagements, rules)
    sweep.run(cut)
    return sweep.as_base(cut)


def span_at(spans: Sequence[Span], at: int) -> int:
    """Index of the span that `at` is in; -1 if it is before all of them."""
    for index in range(len(spans) - 1, -1, -1):
        if spans[index].at <= at:
            return index
    return -1


def since_of(spans: Sequence[Span], index: int, base: Base) -> int:
    """Since when the state and reason of the span `index` have held."""
    span = spans[index]
    while index and spans[index - 1][1:3] == span[1:3]:
        index -= 1
    if not index and base.known and base.shown == span[1:3]:
        return base.since
    return spans[index].at


def with_past(old: Sequence[Mark], new: Sequence[Mark], at: int) -> tuple[Mark, ...]:
    """What `new` says from `at` on, and what `old` said before that."""
    if not (new and new[0][0] < at) and not (old and old[0][0] < at):
        return tuple(new)
    kept = [mark for mark in old if mark[0] < at]
    before = kept[-1][1] if kept else OVER
    now = OVER
    for mark in new:
        if mark[0] <= at:
            now = mark[1]
    if now != before:
        kept.append((at, now))
    kept += [mark for mark in new if mark[0] > at]
    return tuple(kept)


class _Sweep:
    """Walks through marks and events by instant."""

    __slots__ = (
        "_active",
        "_announced",
        "_at",
        "_base",
        "_beats",
        "_contact_at",
        "_engagements",
        "_events",
        "_heard",
        "_known",
        "_next",
        "_points",
        "_reason",
        "_rules",
        "_said",
        "_served",
        "_slots",
        "_worked",
        "plan",
        "spans",
    )

    def __init__(
        self,
        base: Base,
        events: Sequence[AgentEvent],
        engagements: Sequence[Engagement],
        rules: StaffRules,
    ) -> None:
        self.spans: list[Span] = []
        self._at = base.at
        self._base = base
        self._events = events
        self._engagements = engagements
        self._rules = rules
        self._known = base.known
        self._said = base.said
        self._reason = base.reason
        self._announced = base.announced
        self._worked = set(base.worked)
        self._served: tuple[str, ...] | None = None
        self._slots = base.slots
        self.plan = base.plan
        """What was planned, by what was said so far."""
        self._beats = base.beats
        self._heard = base.heard
        self._contact_at = base.contact_at
        self._active: dict[int, str] = {}
        """States of the contacts that are with the person, by engagement."""
        self._points: list[_Point] = [
            (event.at, 1, index, "") for index, event in enumerate(events)
        ]
        for index, engagement in enumerate(engagements):
            before = OVER
            for at, state in engagement.marks:
                if at >= base.at:
                    self._points.append((at, 0, index, state))
                else:
                    before = state
            if before != OVER:
                self._take_up(index, before)
        self._points.sort()
        self._next = 0

    def run(self, until: int) -> None:
        """Take everything before `until`, from where it stopped last."""
        at, points = self._at, self._points
        number, end = self._next, len(points)
        while number < end and points[number][0] < until:
            instant, is_event, index, state = points[number]
            if instant != at:
                self._show(at, instant)
                at = instant
            if is_event:
                self._say(self._events[index])
            else:
                self._mark(index, at, state)
            number += 1
        self._show(at, until)
        self._at, self._next = min(until, NEVER), number

    def _mark(self, index: int, at: int, state: str) -> None:
        self._known = True
        if at > self._heard:
            self._heard = at
        if at > self._contact_at:
            self._contact_at = at
        if state == OVER:
            self._active.pop(index, None)
        else:
            self._take_up(index, state)

    def _take_up(self, index: int, state: str) -> None:
        self._active[index] = state
        queue = self._engagements[index].queue
        if queue not in self._worked and queue not in self._announced:
            full = len(self._worked) >= MAX_WORKED
            self._worked.add(OTHER_QUEUE if full else queue)
            self._served = None

    def _say(self, event: AgentEvent) -> None:
        self._known = True
        kind = event.kind
        if kind <= _SPEAKS and event.at > self._heard:
            self._heard = event.at
        if event.says_queues:
            self._announced = event.queues
            at_work = {self._engagements[index].queue for index in self._active}
            self._worked = at_work.difference(event.queues)
            self._served = None
        if event.slots:
            self._slots = event.slots
        if event.intervals:
            self.plan = replaced(self.plan, event)
        if kind == AgentKind.HEARTBEAT:
            self._beats = True
        said = TRANSITIONS[self._said].get(kind)
        if said is not None:
            self._said = said
            self._reason = event.reason if said is Said.AWAY else ""

    def _silent_at(self) -> int:
        """When silence makes the state unknown."""
        if self._said is Said.NOTHING:
            at = self._contact_at
            return at + self._rules.unannounced_ms if at else 0
        if self._said is Said.LOGGED_OUT or not self._beats:
            return NEVER
        return self._heard + 2 * self._rules.heartbeat_ms

    def _show(self, at: int, until: int) -> None:
        """Add what holds in `[at, until)`, of which nothing else is to be heard."""
        if not self._known:
            return
        if self._active:
            states = self._active.values()
            for state in WITH_CONTACT:
                if state in states:
                    self._add(at, state, "")
                    return
        silent = self._silent_at()
        if silent > at:
            self._add(at, SHOWN_AS[self._said], self._reason)
        if silent < until:
            self._add(max(at, silent), UNKNOWN, "")

    def _add(self, at: int, state: str, reason: str) -> None:
        if self._served is None:
            self._served = tuple(sorted(self._worked.union(self._announced)))
        load = self._load() if self._slots and state in CAN_TAKE else ()
        span = Span(at, state, reason, self._served, load)
        if not self.spans or self.spans[-1][1:] != span[1:]:
            self.spans.append(span)

    def _load(self) -> Load:
        in_hand = [
            self._engagements[index]
            for index, state in self._active.items()
            if state in HANDLING
        ]
        return load_of(self._slots, in_hand)

    def as_base(self, cut: int) -> Base:
        """Everything before `cut`, when it has run up to there."""
        spans = self.spans
        return Base(
            at=cut,
            known=self._known,
            said=self._said,
            reason=self._reason,
            announced=self._announced,
            worked=tuple(sorted(self._worked)),
            beats=self._beats,
            heard=self._heard,
            contact_at=self._contact_at,
            shown=spans[-1][1:3] if spans else ("", ""),
            since=since_of(spans, len(spans) - 1, self._base) if spans else 0,
            slots=self._slots,
            plan=ahead(self.plan, cut),
        )
