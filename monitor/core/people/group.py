"""How many people are in each state, and the seconds that they spend there.

Rule: a group is everybody, or those who serve one queue. Its sums hold everybody's time
up to an instant that all groups share; counts say who is in which state at it, so that
time goes on by adding `count x time`, however many people there are.
"""

from collections.abc import Mapping

from monitor.core.calendar import LocalDays
from monitor.core.panes import COARSE_MS, PANE_MS, Panes
from monitor.core.people.booked import Booked
from monitor.core.people.states import AWAY, LOGGED_OUT, STATES, UNKNOWN
from monitor.core.rules import QueueRules, Rules
from monitor.core.tally import Tally

AWAY_REASON = "away:"
"""Prefix of the sums of time away; the reason follows, `""` if none was said."""
_NOT_SUMMED = frozenset((LOGGED_OUT, UNKNOWN))


def key_of(state: str, reason: str) -> str:
    """What is counted: the state, and for who is away the reason as well."""
    return AWAY_REASON + reason if state == AWAY else state


def is_summed(key: str) -> bool:
    """Whether the seconds of this key are summed."""
    return key not in _NOT_SUMMED


class Group:
    """Counts and sums of the people who serve one queue, or of all (name `""`)."""

    __slots__ = (
        "_days",
        "_keep_ms",
        "booked",
        "changed",
        "counts",
        "name",
        "oldest",
        "panes",
    )

    def __init__(self, name: str, rules: Rules, own: QueueRules) -> None:
        """Nobody yet; `own` says when the day of this group starts."""
        self.name = name
        self._days = LocalDays(own.timezone, own.day_start_minutes)
        self._keep_ms = max(rules.windows_ms.values(), default=0) + 2 * COARSE_MS
        self.panes = Panes(rules, self._days)
        self.booked = Booked()
        """What the panes don't hold yet."""
        self.counts: dict[str, int] = {}
        """People by key at the instant up to which the sums go, and by name of a load
        how often their time counts in it."""
        self.changed = True
        """Whether `counts` changed since somebody cleared this."""
        self.oldest: dict[str, int] = {}
        """By state, since when somebody has been in it, as it was last looked up."""

    def move(self, key: str, people: int) -> None:
        """Count so many more people under `key`, or fewer."""
        self.changed = True
        count = self.counts.get(key, 0) + people
        if count:
            self.counts[key] = count
        else:
            del self.counts[key]

    def pass_time(self, start: int, end: int) -> None:
        """Everybody stays as they are in `[start, end)`, and the sums then go to it."""
        self.spend(self.counts, start, end, end)

    def recent(self, now: int) -> int:
        """No window at `now` holds anything before this instant."""
        return now - self._keep_ms

    def spend(self, people: Mapping[str, int], start: int, end: int, now: int) -> None:
        """Add the time of so many people by key in `[start, end)`, as of `now`.

        What no window at `now` can hold is added day by day, not pane by pane.
        """
        counted = [(k, n) for k, n in people.items() if n and is_summed(k)]
        if not counted:
            return
        recent = self.recent(now)
        while start < min(end, recent):
            stop = min(end, recent, self._days.end_of(start))
            self.booked.spend(start // PANE_MS, counted, stop - start)
            start = stop
        if start < end:
            self.booked.add(counted, start, end)

    def settle(self, now: int) -> None:
        """Bring the panes to `now` with everything that was booked."""
        self.panes.absorb(self.booked.net(), now)

    def states(self) -> dict[str, int]:
        """People by state: every state, zeros too."""
        result = dict.fromkeys(STATES, 0)
        for key, count in self.counts.items():
            state = AWAY if key.startswith(AWAY_REASON) else key
            if state in result:
                result[state] += count
        return result

    def away(self) -> dict[str, int]:
        """People who are away by reason, sorted."""
        cut = len(AWAY_REASON)
        return {
            key[cut:]: count
            for key, count in sorted(self.counts.items())
            if key.startswith(AWAY_REASON)
        }


def state_ms(sums: Tally, state: str) -> int:
    """The time in a state, for whichever reason, milliseconds."""
    if state == AWAY:
        return sum(ms for key, ms in sums.items() if key.startswith(AWAY_REASON))
    return sums.get(state, 0)
