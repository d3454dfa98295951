"""Does the state of a partition agree with itself?

Rule: whatever is kept beside its source, because asking the source each time would be
slow, is counted anew from the source and compared: live counts from the contacts,
windows from their panes, days from nothing (they are the source), the law of kpis.md
section 1 from the totals.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from monitor.core import kpi
from monitor.core.contact import Contact
from monitor.core.panes import Panes, Ring
from monitor.core.partition import Partition
from monitor.core.phases import Phase
from monitor.core.queue_state import CONVERSING, QueueState
from monitor.core.tally import total
from monitor.core.visit import Visit

CONTACTS_IN_SLICE = 500
QUEUES_IN_SLICE = 5
SHOWN = tuple(phase for phase in Phase if phase is not Phase.CLOSED)


class _Recount:
    """The live counts of one queue, from the contacts."""

    __slots__ = ("active", "agents", "by_phase", "inactive", "over", "waiting")

    def __init__(self) -> None:
        self.by_phase: dict[Phase, int] = dict.fromkeys(SHOWN, 0)
        self.waiting = 0
        self.over = 0
        self.agents: dict[str, int] = {}
        self.active = 0
        self.inactive = 0

    def add(self, visit: Visit) -> None:
        if not visit.open:
            return
        self.by_phase[visit.phase] += 1
        if visit.waiting:
            self.waiting += 1
            self.over += visit.crossed
        elif visit.agent:
            self.agents[visit.agent] = self.agents.get(visit.agent, 0) + 1
        if visit.talk is not None and visit.phase in CONVERSING:
            self.inactive += visit.talk.is_silent
            self.active += not visit.talk.is_silent


def audit(partition: Partition) -> Iterator[list[str]]:
    """What disagrees, told for a person, a slice of a few milliseconds at each step.

    The partition must not change before the last step. Names no contact.
    """
    recounts: dict[QueueState, _Recount] = {}
    contacts = iter(partition.contacts.values())
    while some := list(islice(contacts, CONTACTS_IN_SLICE)):
        _recount(some, recounts)
        yield []
    states = iter(partition.queues.values())
    while several := list(islice(states, QUEUES_IN_SLICE)):
        found: list[str] = []
        for state in several:
            state.settle(partition.now)
            told = _differences(state, recounts.get(state) or _Recount())
            found += [f"{state.name} {state.channel}: {line}" for line in told]
        yield found


def _recount(contacts: Iterable[Contact], recounts: dict[QueueState, _Recount]) -> None:
    for contact in contacts:
        for visit in contact.visits:
            recounts.setdefault(visit.state, _Recount()).add(visit)


def _differences(state: QueueState, recount: _Recount) -> Iterator[str]:
    for phase in SHOWN:
        if state.by_phase[phase] != recount.by_phase[phase]:
            yield (
                f"{state.by_phase[phase]} {phase.name.lower()}, of its contacts "
                f"{recount.by_phase[phase]} are"
            )
    if len(state.waiting) != recount.waiting:
        yield f"{len(state.waiting)} waiting, of its contacts {recount.waiting} are"
    if len(state.over) != recount.over:
        yield f"{len(state.over)} over T, of its contacts {recount.over} are"
    if state.agents != recount.agents:
        yield (
            f"{len(state.agents)} agents in hand, its contacts name "
            f"{len(recount.agents)}"
        )
    if (state.active, state.inactive) != (recount.active, recount.inactive):
        yield (
            f"{state.active} active and {state.inactive} inactive, of its contacts "
            f"{recount.active} and {recount.inactive} are"
        )
    if drift := kpi.drift(state.panes.total, len(state.waiting)):
        yield f"drift {drift}"
    yield from _wrong_windows(state.panes)


def _wrong_windows(panes: Panes) -> Iterator[str]:
    for ring in (panes.fine, panes.coarse):
        for window in ring.windows:
            if window.sums != _of_panes(ring, window.low, window.high):
                yield f"window {window.name} isn't the sum of its panes"


def _of_panes(ring: Ring, low: int, high: int) -> dict[str, int]:
    return total(tally for number, tally in ring.panes.items() if low <= number <= high)
