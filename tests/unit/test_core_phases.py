"""The transition table, cell by cell: what can be happens, the rest does nothing."""

from typing import Any

import pytest

from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.phases import TRANSITIONS, Fate, Phase, phases_of
from monitor.core.rules import QueueRules, Rules
from monitor.core.visit import Visit
from tests.support.contacts import (
    abandoned,
    answered,
    at,
    ended,
    event,
    part_of,
    queued,
)

RULES = Rules(queue=lambda *_: QueueRules(threshold_ms=600_000))
NOW = at(100)

WAYS_INTO: dict[Phase, list[Event]] = {
    Phase.WAITING: [queued(0, "a")],
    Phase.ALERTING: [queued(0, "a"), event(5, "a", Kind.ALERTING, agent="ann")],
    Phase.TALKING: [queued(0, "a"), answered(10, "a")],
    Phase.HELD: [queued(0, "a"), answered(10, "a"), event(20, "a", Kind.HELD)],
    Phase.WRAP_UP: [queued(0, "a"), answered(10, "a"), ended(30, "a", wrap_up=True)],
    Phase.CLOSED: [queued(0, "a"), answered(10, "a"), ended(30, "a")],
}
REASONS = {
    Kind.LEFT: "timeout",
    Kind.REJECTED: "full",
    Kind.ALERT_ENDED: "no_answer",
    Kind.TRANSFERRED: "blind",
    Kind.ENDED: "customer",
}
CONTACT_KINDS = [
    kind for kind in Kind if kind not in (Kind.SOURCE_HEARTBEAT, Kind.SOURCE_STARTED)
]
OFFERS = {Kind.ALERTING, Kind.ALERT_ENDED}
"""Offers to agents are counted whenever they are told; they may lag the answer."""
CELLS = [(phase, kind) for phase in Phase for kind in CONTACT_KINDS]
HAPPENING = [cell for cell in CELLS if cell[1] in TRANSITIONS[cell[0]]]
IMPOSSIBLE = [
    cell
    for cell in CELLS
    if cell[1] not in TRANSITIONS[cell[0]] and cell[1] is not Kind.MESSAGE
]


def name_of(value: Any) -> str:
    return str(value.name).lower()


def in_phase(phase: Phase) -> tuple[Partition, Visit]:
    """A partition with one contact whose only visit is in `phase`."""
    partition = Partition(RULES)
    partition.apply(WAYS_INTO[phase], NOW)
    partition.advance(NOW)
    [visit] = partition.contacts["a"].visits
    assert visit.phase is phase
    return partition, visit


def one_event(kind: Kind, visit: int = 1) -> Event:
    queue = "q" if kind in (Kind.QUEUED, Kind.REJECTED) else ""
    return event(
        50,
        "a",
        kind,
        visit=visit,
        queue=queue,
        agent="bo",
        reason=REASONS.get(kind, ""),
    )


def facts(visit: Visit) -> dict[str, Any]:
    """Everything that the visit is, without when it was last heard of."""
    apart = {"state", "last_at", "marks", "talk"}
    return {name: getattr(visit, name) for name in Visit.__slots__ if name not in apart}


def sums(partition: Partition, kind: Kind) -> dict[str, Any]:
    """Every number of the queue; without offers, if the event is one."""
    part = part_of(partition)
    kept = (*part.windows.values(), part.total)
    for tally in kept if kind in OFFERS else ():
        for name in [name for name in tally if name.startswith("alert")]:
            del tally[name]
    return {name: getattr(part, name) for name in part.__slots__}


@pytest.mark.parametrize("phase,kind", HAPPENING, ids=name_of)
def test_what_can_happen_leads_to_the_phase_of_the_table(
    phase: Phase, kind: Kind
) -> None:
    """Each cell of TRANSITIONS, by an event of the visit's number."""
    partition, visit = in_phase(phase)
    partition.apply([one_event(kind)], NOW)

    assert partition.contacts["a"].visits == [visit]
    assert visit.phase is TRANSITIONS[phase][kind]
    assert visit.state.by_phase[visit.phase] == 1
    assert sum(visit.state.by_phase) == 1


@pytest.mark.parametrize("phase,kind", IMPOSSIBLE, ids=name_of)
def test_what_cannot_happen_changes_nothing(phase: Phase, kind: Kind) -> None:
    """Each empty cell: no fact and no sum is touched, and no error comes of it."""
    partition, visit = in_phase(phase)
    before = facts(visit), sums(partition, kind)
    partition.apply([one_event(kind)], NOW)

    assert partition.contacts["a"].visits == [visit]
    assert (facts(visit), sums(partition, kind)) == before
    assert partition.counts.applied == len(WAYS_INTO[phase]) + 1


@pytest.mark.parametrize("phase", list(Phase), ids=name_of)
@pytest.mark.parametrize("author", ["customer", "agent", "bot", "system", ""])
def test_a_message_can_come_in_any_phase_and_changes_none(
    phase: Phase, author: str
) -> None:
    """It is counted, and is no step in the visit's life."""
    partition, visit = in_phase(phase)
    before = facts(visit)
    partition.apply([one_event(Kind.MESSAGE)._replace(reason=author)], NOW)

    assert facts(visit) == before
    assert part_of(partition).total[f"messages:{author or 'unknown'}"] == 1


@pytest.mark.parametrize("kind", CONTACT_KINDS, ids=name_of)
def test_a_visit_that_was_never_answered_stays_as_it_ended(kind: Kind) -> None:
    """After an abandon nothing else can be: not even after-contact work."""
    partition = Partition(RULES)
    partition.apply([queued(0, "a"), abandoned(10, "a")], NOW)
    partition.advance(NOW)
    [visit] = partition.contacts["a"].visits
    before = facts(visit), sums(partition, kind)
    partition.apply([one_event(kind)], NOW)

    assert (facts(visit), sums(partition, kind)) == before
    assert visit.fate is Fate.ABANDONED


@pytest.mark.parametrize(
    "phase", [Phase.WAITING, Phase.ALERTING, Phase.TALKING, Phase.HELD], ids=name_of
)
def test_an_end_that_announces_work_leads_to_wrap_up_only_from_talk(
    phase: Phase,
) -> None:
    """Who waited has had no agent, so no work can follow."""
    partition, visit = in_phase(phase)
    partition.apply([one_event(Kind.ENDED)._replace(wrap_up=True)], NOW)
    in_hand = phase in phases_of(Kind.WRAPPED_UP)

    assert visit.phase is (Phase.WRAP_UP if in_hand else Phase.CLOSED)


def test_each_phase_can_be_reached_and_all_but_the_last_be_left() -> None:
    """The table is whole: a row for each phase, and a way to the end from each."""
    reached = {to for row in TRANSITIONS.values() for to in row.values()}

    assert set(TRANSITIONS) == set(Phase)
    assert reached | {Phase.WAITING, Phase.WRAP_UP} == set(Phase)
    assert all(Phase.CLOSED in row.values() for row in TRANSITIONS.values())


def test_an_answer_ends_a_hold() -> None:
    """The customer talks again, with whoever answered; the hold so far is kept."""
    partition, visit = in_phase(Phase.HELD)
    partition.apply([one_event(Kind.ANSWERED), ended(70, "a", agent="bo")], NOW)

    assert (visit.hold_ms, visit.talk_ms, visit.agent) == (30_000, 30_000, "bo")
