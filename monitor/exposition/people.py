"""The people's metrics: who is in which state, and for how long.

Rule: what isn't surely known is NaN, never a calm 0; all states are there always.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client.metrics_core import Metric as Family

from monitor.core.people.group import state_ms
from monitor.core.people.parts import (
    GroupPart,
    PersonPart,
    adherence,
    available_ms,
    handling_ms,
    occupancy,
)
from monitor.core.people.plan import ADHERED, SCHEDULED
from monitor.core.people.slots import Utilization, utilization
from monitor.core.people.states import AWAY, STATES
from monitor.core.tally import HANDLED, Tally
from monitor.core.view import Board
from monitor.exposition import people_metrics as names
from monitor.exposition.family import gauge, label
from monitor.exposition.metric import LABEL_VALUES, Metric

NAN = math.nan
NOT_SAID = "unspecified"
"""Stands for the reason of who is away and did not say why."""
ACTIVITIES: Mapping[str, Callable[[Tally], int]] = {
    "handling": handling_ms,
    "available": available_ms,
    "away": lambda sums: state_ms(sums, AWAY),
}
PLAN_PARTS = {"adhered": ADHERED, "scheduled": SCHEDULED}
Labelled = tuple[tuple[str, ...], GroupPart | None]
"""Labels of a group, and its numbers; None: not known."""


def people_families(
    board: Board, windows: Sequence[str], persons: Iterable[PersonPart]
) -> Iterator[Family]:
    """Every family of people; `persons` are shown one by one."""
    now = board.now()
    groups = {group.name: group for group in board.groups()}
    unknown = [name for name in board.stale_groups() if name not in groups]
    everybody: list[Labelled] = [((), g) for name, g in groups.items() if not name]
    everybody += [((), None) for name in unknown if not name]
    queues: list[Labelled] = [((label(n),), g) for n, g in groups.items() if n]
    queues += [((label(name),), None) for name in unknown if name]
    yield _states(names.AGENTS, everybody)
    yield _away(everybody)
    yield _longest(names.LONGEST, everybody, now)
    yield _occupancy(names.OCCUPANCY, everybody, windows)
    yield _time(names.TIME, everybody, windows)
    yield from _slots(everybody, windows)
    yield from _adherence(everybody, windows)
    yield _states(names.QUEUE_AGENTS, queues)
    yield _longest(names.QUEUE_LONGEST, queues, now)
    yield _occupancy(names.QUEUE_OCCUPANCY, queues, windows)
    yield _time(names.QUEUE_TIME, queues, windows)
    yield from _persons(list(persons))


def _states(metric: Metric, groups: list[Labelled]) -> Family:
    family = gauge(metric)
    for labels, group in groups:
        for state in STATES:
            count = NAN if group is None else group.states.get(state, 0)
            family.add_metric((*labels, state), count)
    return family


def _away(groups: list[Labelled]) -> Family:
    family = gauge(names.AWAY)
    for _, group in groups:
        if group is not None:
            for reason, count in sorted(group.away.items()):
                family.add_metric((label(reason or NOT_SAID),), count)
    return family


def _longest(metric: Metric, groups: list[Labelled], now: int) -> Family:
    family = gauge(metric)
    for labels, group in groups:
        for state in STATES:
            if group is None:
                family.add_metric((*labels, state), NAN)
            elif state in group.oldest:
                seconds = max(0, now - group.oldest[state]) / 1000
                family.add_metric((*labels, state), seconds)
    return family


def _occupancy(
    metric: Metric, groups: list[Labelled], windows: Sequence[str]
) -> Family:
    family = gauge(metric)
    for labels, group in groups:
        for window in windows:
            ratio = None if group is None else occupancy(group.windows.get(window, {}))
            family.add_metric((*labels, window), NAN if ratio is None else ratio)
    return family


def _time(metric: Metric, groups: list[Labelled], windows: Sequence[str]) -> Family:
    family = gauge(metric)
    for labels, group in groups:
        for window in windows:
            sums = None if group is None else group.windows.get(window, {})
            for activity in LABEL_VALUES["activity"]:
                spent = NAN if sums is None else ACTIVITIES[activity](sums) / 1000
                family.add_metric((*labels, window, activity), spent)
    return family


def _slots(groups: list[Labelled], windows: Sequence[str]) -> Iterator[Family]:
    ratios, times = gauge(names.SLOTS_UTILIZATION), gauge(names.SLOTS_TIME)
    for _, group in groups:
        if group is None:
            continue
        found = {
            window: utilization(group.windows.get(window, {})) for window in windows
        }
        for channel in utilization(group.total):
            for window in windows:
                slots = found[window].get(channel, Utilization(0, 0))
                ratio = NAN if slots.ratio is None else slots.ratio
                ratios.add_metric((channel, window), ratio)
                times.add_metric((channel, window, "busy"), slots.busy_ms / 1000)
                times.add_metric((channel, window, "offered"), slots.offered_ms / 1000)
    yield from (ratios, times)


def _adherence(groups: list[Labelled], windows: Sequence[str]) -> Iterator[Family]:
    ratios, times = gauge(names.ADHERENCE), gauge(names.ADHERENCE_TIME)
    for _, group in groups:
        for window in windows:
            sums = None if group is None else group.windows.get(window, {})
            ratio = None if sums is None else adherence(sums)
            ratios.add_metric((window,), NAN if ratio is None else ratio)
            for part, name in PLAN_PARTS.items():
                spent = NAN if sums is None else sums.get(name, 0) / 1000
                times.add_metric((window, part), spent)
    yield from (ratios, times)


def _persons(persons: list[PersonPart]) -> Iterator[Family]:
    states, since = gauge(names.AGENT_STATE), gauge(names.AGENT_SINCE)
    handled, busy = gauge(names.AGENT_HANDLED), gauge(names.AGENT_OCCUPANCY)
    for person in persons:
        agent = label(person.agent)
        states.add_metric((agent, person.state), 1)
        if person.since:
            since.add_metric((agent,), person.since / 1000)
        handled.add_metric((agent,), person.today.get(HANDLED, 0))
        ratio = occupancy(person.today)
        busy.add_metric((agent,), NAN if ratio is None else ratio)
    yield from (states, since, handled, busy)
