"""What is added up: named counts, sums of milliseconds and histogram buckets.

Rule: every value is an integer that can be added across panes, partitions and workers
and subtracted for a correction; nothing here divides. A tally is a sparse dictionary;
an absent name is 0.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping

Tally = dict[str, int]

OFFERED = "offered"
ANSWERED = "answered"
ANSWERED_WAIT = "answered_wait_ms"
ANSWERED_IN_TIME = "answered_in_time"
"""A of kpis.md section 3."""
ANSWERED_LATE = "answered_late"
"""N of kpis.md section 3, at the answer's instant."""
ABANDONED = "abandoned"
ABANDONED_WAIT = "abandoned_wait_ms"
ABANDONED_SHORT = "abandoned_short"
"""Every short abandon (wait < short_abandon), in time or not."""
ABANDONED_IN_TIME = "abandoned_in_time"
"""B of kpis.md section 3: in time and not short."""
ABANDONED_SHORT_IN_TIME = "abandoned_short_in_time"
"""S of kpis.md section 3."""
DIVERTED = "diverted:"
"""Prefix; the reason follows. One name for each reason."""
DIVERTED_IN_TIME = "diverted_in_time"
"""D of kpis.md section 3."""
CROSSED = "crossed"
"""L of kpis.md section 3, at `queued + T`."""
EXPIRED = "expired"
REJECTED = "rejected:"
"""Prefix; the reason follows."""
HANDLED = "handled"
"""Answered visits whose after-contact work is over, at that instant."""
TALK = "talk_ms"
HOLD = "hold_ms"
ACW = "acw_ms"
HELD = "held"
"""Handled visits that were on hold at least once."""
UNFINISHED = "unfinished"
"""Answered visits whose end was never seen: in `answered`, not in `handled`."""
TRANSFERRED = "transferred:"
"""Prefix; `blind`, `attended` or `queue` follows."""
ALERTS = "alerts"
"""Offers to an agent."""
ALERT_ENDED = "alert_ended:"
"""Prefix; `no_answer` (ring-no-answer), `rejected`, `cancelled` or `error` follows."""
ANSWER_WAIT_LE = "answer_wait_le:"
"""Prefix; the bucket's upper bound in milliseconds or `inf` follows. Not cumulative:
each answered visit is in one bucket."""
ABANDON_WAIT_LE = "abandon_wait_le:"
HANDLE_LE = "handle_le:"
FIRST_RESPONSES = "first_responses"
"""Visits in which an agent has written for the first time, at that instant."""
FIRST_RESPONSE = "first_response_ms"
FIRST_RESPONSE_LE = "first_response_le:"
RESPONSES = "responses"
"""Agents' messages that ended a run of unanswered customer messages."""
RESPONSE = "response_ms"
"""From the first unanswered message of each run."""
MESSAGES = "messages:"
"""Prefix; the author follows, or `unknown`."""


def add(into: Tally, other: Mapping[str, int]) -> None:
    """Add `other` to `into`; a name whose value becomes 0 is removed."""
    for name, amount in other.items():
        value = into.get(name, 0) + amount
        if value:
            into[name] = value
        else:
            into.pop(name, None)


def subtract(into: Tally, other: Mapping[str, int]) -> None:
    """Take `other` out of `into`; a name whose value becomes 0 is removed."""
    for name, amount in other.items():
        value = into.get(name, 0) - amount
        if value:
            into[name] = value
        else:
            into.pop(name, None)


def total(tallies: Iterable[Mapping[str, int]]) -> Tally:
    """The sum of `tallies`, a new one."""
    result: Tally = {}
    for tally in tallies:
        add(result, tally)
    return result


def with_prefix(tally: Mapping[str, int], prefix: str) -> dict[str, int]:
    """The values whose names start with `prefix`, by what follows it, sorted by it."""
    cut = len(prefix)
    found = [(name, value) for name, value in tally.items() if name.startswith(prefix)]
    return {name[cut:]: value for name, value in sorted(found)}


class Buckets:
    """Finds the tally name of a duration's histogram bucket."""

    __slots__ = ("_bounds", "_names")

    def __init__(self, prefix: str, bounds_ms: Iterable[int]) -> None:
        """Make buckets with inclusive upper bounds and one for all that is longer."""
        self._bounds = sorted(set(bounds_ms))
        self._names = [f"{prefix}{bound}" for bound in self._bounds] + [f"{prefix}inf"]

    def name(self, duration_ms: int) -> str:
        """Name of the bucket: the lowest bound that is `>= duration_ms`."""
        return self._names[bisect_left(self._bounds, duration_ms)]


def cumulative(
    tally: Mapping[str, int], prefix: str, bounds_ms: Iterable[int]
) -> list[tuple[int | None, int]]:
    """Cumulative counts `(bound, how many <= bound)`, the last bound `None` (all).

    Buckets that were written with other bounds (the settings changed since) count from
    the next bound that is not smaller.
    """
    counts = {
        name[len(prefix) :]: count
        for name, count in tally.items()
        if name.startswith(prefix)
    }
    every = sum(counts.values())
    counts.pop("inf", None)
    written = sorted((int(bound), count) for bound, count in counts.items())
    result: list[tuple[int | None, int]] = []
    below = place = 0
    for bound in sorted(set(bounds_ms)):
        while place < len(written) and written[place][0] <= bound:
            below += written[place][1]
            place += 1
        result.append((bound, below))
    return [*result, (None, every)]
