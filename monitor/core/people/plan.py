"""What a person is meant to do and when, by the plans that they were given.

Rule: a plan counts from the instant at which it was said: nobody is measured by one
that wasn't there yet. From then on a newer plan replaces the older ones between its own
first and last instant, gaps included, and nothing else of them; which is the newer one
is a matter of what they say, never of when they came. Where intervals of one plan
overlap, the one that begins last holds: a lunch within a shift is a lunch.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from monitor.core.people.events import AgentEvent, Interval
from monitor.core.people.states import AWAY, CAN_TAKE, Load, Span

SCHEDULED = "scheduled"
"""Name of the sum of time in which something was planned."""
ADHERED = "adhered"
"""Name of the sum of that time in which the person did what was planned."""
NEVER = 1 << 62
WORK = frozenset(
    "available calls chat chats contacts email messages on_queue phone queue ready "
    "shift work working".split()
)
"""Planned activities that a person does who is available, or has a contact."""
OFF = frozenset(
    "absent day_off free holiday leave logged_out off sick vacation".split()
)
"""Activities that plan nothing: they only replace what an older plan says."""
MAX_CHARACTERS = 40_000
"""What the planned intervals ahead of one person take in memory; later ones of more
are forgotten."""
INTERVAL_CHARACTERS = 40
"""What an interval takes besides the name of its activity."""
_DAY_MS = 86_400_000
_MISSED: Load = ((SCHEDULED, 1),)
_KEPT: Load = (*_MISSED, (ADHERED, 1))


@lru_cache(10_000)
def suits(activity: str, state: str, reason: str) -> bool:
    """Whether a person in this state does what is planned.

    Any activity but those of `WORK` is to be away with its name as the reason, however
    it is written; `away` is any reason, and who is away and gave none does as planned.
    """
    planned = _plain(activity)
    if planned in WORK:
        return state in CAN_TAKE
    return state == AWAY and (
        not reason or planned == AWAY or planned == _plain(reason)
    )


def _plain(name: str) -> str:
    return name.strip().casefold().replace("-", "_").replace(" ", "_")


def replaced(plan: Sequence[Interval], event: AgentEvent) -> tuple[Interval, ...]:
    """The plan after the newer one of `event`: disjoint intervals in their order."""
    told = event.intervals
    if not told:
        return tuple(plan)
    start = max(event.at, min(each.start for each in told))
    end = max(each.end for each in told)
    if end <= start:
        return tuple(plan)
    kept = [*clipped(plan, 0, start), *clipped(plan, end, NEVER)]
    kept += clipped(_disjoint(told), start, end)
    return tuple(sorted(kept))


def clipped(plan: Iterable[Interval], start: int, end: int) -> Iterator[Interval]:
    """What is planned in `[start, end)`."""
    for interval in plan:
        begin, stop = max(interval.start, start), min(interval.end, end)
        if begin < stop:
            yield Interval(begin, stop, interval.activity)


def ahead(plan: Iterable[Interval], at: int) -> tuple[Interval, ...]:
    """What is planned from `at` on, as far as it is remembered."""
    left = MAX_CHARACTERS
    result = []
    for interval in clipped(plan, at, NEVER):
        left -= characters_of(interval)
        if left < 0:
            break
        result.append(interval)
    return tuple(result)


def characters_of(interval: Interval) -> int:
    """What it takes in memory."""
    return INTERVAL_CHARACTERS + len(interval.activity)


def _disjoint(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """At each instant the one that began last; of those the shortest."""
    begun: list[Interval] = []
    at = 0
    in_order = sorted(intervals, key=lambda each: (each[0], -each[1], each[2]))
    for interval in (*in_order, Interval(NEVER, NEVER, "")):
        while begun and at < interval.start:
            top = begun[-1]
            stop = min(top.end, interval.start)
            if at < stop:
                if _plain(top.activity) not in OFF:
                    yield Interval(at, stop, top.activity)
                at = stop
            if top.end <= at:
                begun.pop()
        at = interval.start
        begun.append(interval)


def looked_ahead(at: int) -> int:
    """Up to when a timeline that is made at `at` shows the plan.

    A month of plans would make every timeline long. It is the same for all of a day, so
    that a timeline that is made often has one timer.
    """
    return (at // _DAY_MS + 2) * _DAY_MS


def overlaid(spans: Sequence[Span], plan: Sequence[Interval], until: int) -> list[Span]:
    """The spans with what was planned in each, cut where the plan changes.

    What begins at `until` or later isn't looked at.
    """
    result: list[Span] = []
    place = 0
    for index, span in enumerate(spans):
        at = span.at
        end = spans[index + 1].at if index + 1 < len(spans) else NEVER
        while at < end:
            while place < len(plan) and plan[place].end <= at:
                place += 1
            if place == len(plan) or plan[place].start >= min(end, until):
                _add(result, span, at, ())
                break
            start, stop, activity = plan[place]
            if start > at:
                _add(result, span, at, ())
                at = start
            does = suits(activity, span.state, span.reason)
            _add(result, span, at, _KEPT if does else _MISSED)
            at = stop
    return result


def _add(spans: list[Span], span: Span, at: int, load: Load) -> None:
    _, state, reason, queues, own = span
    measured = Span(at, state, reason, queues, own + load if load else own)
    if not spans or spans[-1][1:] != measured[1:]:
        spans.append(measured)
