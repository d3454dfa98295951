"""People in the report: every number by its name (interface.md section 3).

Rule: as in `core.report`, sums come from parts, ratios are formed here and nothing is
counted. Everybody is in `people` once; the people of a queue stand with the queue, and
those never add up to everybody, because one person may serve several queues.
"""

from collections.abc import Iterable, Mapping

from monitor.core.kpi import handle_time_seconds
from monitor.core.people.group import state_ms
from monitor.core.people.parts import (
    GroupPart,
    PersonPart,
    StaffPart,
    adherence,
    available_ms,
    handling_ms,
    occupancy,
    staffed_ms,
)
from monitor.core.people.person import TRAINED
from monitor.core.people.plan import ADHERED, SCHEDULED
from monitor.core.people.slots import utilization
from monitor.core.people.states import AWAY, STAFFED
from monitor.core.report import Report, instant
from monitor.core.tally import ACW, HANDLED, HOLD, TALK, Tally


def add_people(
    report: Report, staff: StaffPart, persons: Iterable[PersonPart]
) -> Report:
    """The report with people: `people`, `agents`, and those of each of its queues."""
    groups = {group.name: group for group in (staff.everybody, *staff.queues)}
    for name in report["queues"]:
        groups.setdefault(name, GroupPart(name=name))
    add_groups(report, groups)
    report["agents"] = {person.agent: agent_report(person) for person in persons}
    return report


def add_groups(report: Report, groups: Mapping[str, GroupPart]) -> Report:
    """The report with `people`, and the people of each of its queues.

    `groups` are by name, everybody under `""`; of one that isn't there nothing is
    known, and its numbers are None.
    """
    for name, numbers in report["queues"].items():
        _with_group(numbers, groups.get(name))
    everybody = groups.get("")
    _with_group(report["total"], everybody)
    report["people"] = None if everybody is None else people_report(everybody)
    return report


def people_report(group: GroupPart) -> Report:
    """How many people are in which state, and their time by window."""
    return {
        "states": dict(group.states),
        "away": dict(group.away),
        "longest_since": {
            state: instant(at) for state, at in sorted(group.oldest.items())
        },
        **_time(group.total),
        "windows": {name: _time(sums) for name, sums in group.windows.items()},
    }


def agent_report(person: PersonPart) -> Report:
    """One person: now, since ever, and today."""
    return {
        "state": person.state,
        "since": instant(person.since) if person.since else None,
        **_work(person.total),
        "reason": person.reason,
        "queues": list(person.queues),
        "today": _work(person.today),
    }


def _with_group(numbers: Report, group: GroupPart | None) -> None:
    numbers["agents"] = None if group is None else dict(group.states)
    numbers |= _time(None if group is None else group.total)
    for name, window in numbers["windows"].items():
        window.update(_time(None if group is None else group.windows.get(name, {})))


def _time(sums: Tally | None) -> Report:
    if sums is None:
        return dict.fromkeys(_time({}))
    return {
        "occupancy_ratio": occupancy(sums),
        "handling_seconds": handling_ms(sums) / 1000,
        "available_seconds": available_ms(sums) / 1000,
        "staffed_seconds": staffed_ms(sums) / 1000,
        "away_seconds": state_ms(sums, AWAY) / 1000,
        **_slots_and_plan(sums),
    }


def _slots_and_plan(sums: Tally) -> Report:
    return {
        "slots": {
            channel: {
                "busy_seconds": slots.busy_ms / 1000,
                "offered_seconds": slots.offered_ms / 1000,
                "utilization_ratio": slots.ratio,
            }
            for channel, slots in utilization(sums).items()
        },
        "adherence": {
            "ratio": adherence(sums),
            "adhered_seconds": sums.get(ADHERED, 0) / 1000,
            "scheduled_seconds": sums.get(SCHEDULED, 0) / 1000,
        },
    }


def _work(sums: Mapping[str, int]) -> Report:
    own = dict(sums)
    return {
        "handled": own.get(HANDLED, 0),
        "occupancy_ratio": occupancy(own),
        "seconds": {state: state_ms(own, state) / 1000 for state in STAFFED},
        "handle_time_seconds": handle_time_seconds(own),
        "talk_seconds_sum": own.get(TALK, 0) / 1000,
        "hold_seconds_sum": own.get(HOLD, 0) / 1000,
        "acw_seconds_sum": own.get(ACW, 0) / 1000,
        **_slots_and_plan(own),
        "trained_days": own.get(TRAINED, 0) / 1_000_000,
    }
