"""The scenarios of people, run in each way that must give the same numbers."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from monitor.core.events import Event
from monitor.core.people import parts
from monitor.core.people.group import state_ms
from monitor.core.people.parts import GroupPart, PersonPart
from monitor.core.people.rules import StaffRules
from monitor.core.people.slots import utilization
from monitor.core.people.states import AWAY, STAFFED
from monitor.core.rules import QueueRules, Rules
from monitor.core.tally import Tally
from tests.properties.people_histories import Center, Input
from tests.scenarios.people_script import PeopleLook, PeopleScenario, read
from tests.scenarios.script import Expectation

SCENARIOS = read(Path(__file__).parent / "people.txt")
Moments = Iterable[tuple[PeopleLook, Center]]


def center_of(scenario: PeopleScenario, inputs: Iterable[Input] = ()) -> Center:
    rules = Rules(queue=lambda *_: QueueRules(), horizon_ms=7_200_000)
    center = Center(StaffRules(rules=rules, heartbeat_ms=scenario.heartbeat_ms))
    feed(center, inputs)
    return center


def feed(center: Center, inputs: Iterable[Input]) -> None:
    for item in inputs:
        if isinstance(item, Event):
            center.contacts.apply([item], 1 << 60)
        else:
            center.staff.apply([item], 1 << 60)


def as_it_happened(scenario: PeopleScenario) -> Moments:
    """One input at a time, the clock with it."""
    center = center_of(scenario)
    inputs = iter(sorted(scenario.looks[-1].inputs, key=lambda item: item.at))
    done = 0
    for look in scenario.looks:
        due = sum(item.at <= look.at for item in look.inputs)
        for item in islice(inputs, due - done):
            center.advance(item.at - 1)
            feed(center, [item])
            center.tell()
            center.staff.part(item.at)
        done = due
        yield look, center


def at_once(scenario: PeopleScenario) -> Moments:
    """Everything that happened up to the look, long after it did."""
    for look in scenario.looks:
        yield look, center_of(scenario, past(look))


def backwards(scenario: PeopleScenario) -> Moments:
    """The newest first, and people hear of each contact at once."""
    for look in scenario.looks:
        center = center_of(scenario)
        for item in past(look)[::-1]:
            feed(center, [item])
            center.tell()
        yield look, center


def twice(scenario: PeopleScenario) -> Moments:
    """All of it, and all of it again, with a look in between."""
    for look in scenario.looks:
        center = center_of(scenario, past(look))
        center.advance(look.at)
        feed(center, past(look))
        yield look, center


def past(look: PeopleLook) -> list[Input]:
    return [item for item in look.inputs if item.at <= look.at]


WAYS = (as_it_happened, at_once, backwards, twice)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.statement)
@pytest.mark.parametrize("way", WAYS)
def test_a_scenario_gives_its_numbers_in_every_way(
    scenario: PeopleScenario, way: Any
) -> None:
    """Whatever the order and the looks, the numbers are those of the text."""
    assert scenario.looks
    for look, center in way(scenario):
        center.advance(look.at)
        part = center.staff.part(look.at)
        groups = {group.name: group for group in part.queues}
        groups["people"] = part.everybody
        persons = {person.agent: person for person in center.staff.persons()}
        wrong = [
            f"line {expected.line}: {problem}"
            for expected in look.expected
            for problem in problems(expected, groups, persons)
        ]

        assert wrong == []


def problems(
    expected: Expectation,
    groups: dict[str, GroupPart],
    persons: dict[str, PersonPart],
) -> Iterable[str]:
    """What differs, in words."""
    name, _, window = expected.subject.partition("/")
    for what, value in expected.values.items():
        if name in persons:
            found = of_person(persons[name], what)
        elif name not in groups:
            found = f"nobody and no queue among {sorted(groups | persons)}"
        elif window:
            sums = groups[name].windows[window]
            found = of_sums(sums, what)
        else:
            found = groups[name].states[what]
        close = pytest.approx(value) if type(value) in (int, float) else value
        if found != close:
            yield f"{what} of {expected.subject} is {found}, not {value}"


OF_WINDOW = {
    "handling": "handling_ms",
    "available": "available_ms",
    "staffed": "staffed_ms",
    "occupancy": "occupancy",
    "adherence": "adherence",
}


def of_sums(sums: Tally, what: str) -> Any:
    if what in OF_WINDOW:
        return getattr(parts, OF_WINDOW[what])(sums)
    if what == "utilization":
        return {channel: slots.ratio for channel, slots in utilization(sums).items()}
    return sums.get(what, 0)


def of_person(person: PersonPart, what: str) -> Any:
    if what == "queues":
        return ",".join(person.queues)
    if what in STAFFED or what == AWAY:
        return state_ms(person.total, what)
    if what in ("state", "reason", "since"):
        return getattr(person, what)
    return of_sums(person.total, what)


def test_a_wrong_line_is_refused_with_its_number(tmp_path: Path) -> None:
    """Who mistypes a scenario is told where."""
    path = tmp_path / "bad.txt"
    path.write_text("scenario: one\n\n  0:00  ann  loged_in\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"bad\.txt:3: .*unknown type"):
        read(path)
