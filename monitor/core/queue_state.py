"""The state of one queue and channel in one source partition.

Rule: who waits and who is in hand is kept as it is now; everything that is counted goes
through `fresh` into the panes. `fresh` gathers contributions between two looks, so that
a batch touches each pane once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.core import tally as names
from monitor.core.calendar import LocalDays
from monitor.core.conversation import ACTIVE, INACTIVE, NOT_SHOWN, mark_of
from monitor.core.panes import Fresh, Panes
from monitor.core.phases import Phase
from monitor.core.rules import HANDLE_BUCKETS_MS, QueueRules, Rules
from monitor.core.tally import Buckets
from monitor.core.terms import Terms
from monitor.core.view import PHASES, QueuePart

if TYPE_CHECKING:
    from monitor.core.visit import Visit

_ALERTING = Phase.ALERTING
_CLOSED = Phase.CLOSED
CONVERSING = (Phase.TALKING, Phase.HELD)
"""Phases in which a contact with messages is active or inactive."""
_SHOWN = [(name, Phase[name.upper()]) for name in PHASES]


class QueueState:
    """One queue and channel: live contacts, fresh contributions and panes."""

    __slots__ = (
        "abandon_buckets",
        "active",
        "agents",
        "answer_buckets",
        "by_phase",
        "channel",
        "fresh",
        "handle_buckets",
        "inactive",
        "name",
        "oldest",
        "over",
        "panes",
        "rules",
        "talkers",
        "terms",
        "waiting",
    )

    def __init__(self, name: str, channel: str, rules: Rules) -> None:
        """An empty queue, judged by what `rules` say of its name and channel."""
        self.name = name
        self.channel = channel
        self.rules: QueueRules = rules.queue(name, channel)
        self.answer_buckets = Buckets(names.ANSWER_WAIT_LE, rules.wait_buckets_ms)
        self.abandon_buckets = Buckets(names.ABANDON_WAIT_LE, rules.wait_buckets_ms)
        self.handle_buckets = Buckets(names.HANDLE_LE, HANDLE_BUCKETS_MS)
        days = LocalDays(self.rules.timezone, self.rules.day_start_minutes)
        self.panes = Panes(rules, days)
        self.fresh: Fresh = {}
        self.terms = Terms(
            name,
            self.rules.threshold_ms,
            self.rules.short_abandon_ms,
            self.rules.max_age_ms,
        )
        self.waiting: set[Visit] = set()
        self.over: set[Visit] = set()
        """Waiting visits whose wait exceeded T."""
        self.oldest: Visit | None = None
        """The waiting visit that was queued first, when it is known."""
        self.by_phase = [0] * len(Phase)
        """Visits by phase, of those in memory."""
        self.agents: dict[str, int] = {}
        """Contacts in hand by agent."""
        self.active = 0
        """Conversations with an agent in which somebody wrote lately."""
        self.inactive = 0
        """Those in which nobody did."""
        self.talkers: dict[str, int] = {}
        """Active conversations by agent."""

    def enter(self, visit: Visit) -> None:
        """A visit is counted from now on, in its phase."""
        phase = visit.phase
        self.by_phase[phase] += 1
        if phase <= _ALERTING:
            if not self.waiting or (
                self.oldest is not None and visit.queued_at < self.oldest.queued_at
            ):
                self.oldest = visit
            self.waiting.add(visit)
            if visit.crossed:
                self.over.add(visit)
        elif phase is not _CLOSED and visit.agent:
            self._seat(visit)
        if visit.talk is not None:
            self.place(visit)

    def move(self, visit: Visit, before: Phase) -> None:
        """A visit's phase or agent changed."""
        phase = visit.phase
        self.by_phase[before] -= 1
        self.by_phase[phase] += 1
        if before <= _ALERTING:
            if phase <= _ALERTING:
                return
            self.waiting.discard(visit)
            if self.over:
                self.over.discard(visit)
            if visit is self.oldest:
                self.oldest = None
        if visit.seated and (phase is _CLOSED or visit.seated != visit.agent):
            self._unseat(visit)
        if visit.agent and not visit.seated and phase is not _CLOSED:
            self._seat(visit)
        if visit.talk is not None:
            self.place(visit)

    def place(self, visit: Visit) -> None:
        """Count a visit with messages as active or inactive while it is with an agent.

        After-contact work is no conversation any more.
        """
        talk = visit.talk
        if talk is None:
            return
        shown = NOT_SHOWN
        if visit.phase in CONVERSING:
            shown = INACTIVE if talk.is_silent else ACTIVE
        self.active += (shown == ACTIVE) - (talk.shown == ACTIVE)
        self.inactive += (shown == INACTIVE) - (talk.shown == INACTIVE)
        talk.shown = shown
        talker = visit.agent if shown == ACTIVE else ""
        if talker != talk.talker:
            _count(self.talkers, talk.talker, -1)
            _count(self.talkers, talker, 1)
            talk.talker = talker

    def _seat(self, visit: Visit) -> None:
        visit.seated = visit.agent
        self.agents[visit.agent] = self.agents.get(visit.agent, 0) + 1

    def _unseat(self, visit: Visit) -> None:
        left = self.agents[visit.seated] - 1
        if left:
            self.agents[visit.seated] = left
        else:
            del self.agents[visit.seated]
        visit.seated = ""

    def oldest_waiting(self) -> int:
        """Queued instant of the visit that waits longest; 0 when nobody waits."""
        if not self.waiting:
            return 0
        if self.oldest is None:
            self.oldest = min(self.waiting, key=lambda visit: visit.queued_at)
        return self.oldest.queued_at

    def settle(self, now: int) -> None:
        """Bring the panes to `now` with everything contributed so far."""
        self.panes.absorb(self.fresh, now)

    def part(self) -> QueuePart:
        """What it is now, complete, as absolute values; call `settle` before."""
        return QueuePart(
            queue=self.name,
            channel=self.channel,
            waiting=len(self.waiting),
            waiting_over_threshold=len(self.over),
            oldest_waiting=self.oldest_waiting(),
            phases={name: self.by_phase[phase] for name, phase in _SHOWN},
            agents_in_hand=len(self.agents),
            active=self.active,
            inactive=self.inactive,
            active_agents=sorted(map(mark_of, self.talkers)),
            windows=self.panes.windows(),
            total=dict(self.panes.total),
            corrected=dict(self.panes.corrected),
        )


def _count(by_agent: dict[str, int], agent: str, change: int) -> None:
    """Change an agent's count; who has none isn't there, nor is nobody."""
    if agent:
        left = by_agent.get(agent, 0) + change
        if left:
            by_agent[agent] = left
        else:
            del by_agent[agent]
