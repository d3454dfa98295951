"""Live numbers and the same numbers recomputed from the log: what differs.

Rule: every number is either compared or named as not compared. What a log that has lost
its beginning can't tell again isn't compared; nothing else is left out but these three,
because they depend on when somebody looked: `corrected` (that a wait crossed T is taken
back when late news says it was over before; whoever reads both at once never counted
it), `future` (how far ahead an event is depends on the clock that it met) and
`queues_folded` (a correction may meet a folded queue again).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.core.calendar import LocalDays
from monitor.core.merge import QueueKey
from monitor.core.panes import COARSE_MS
from monitor.core.rules import TODAY, Rules
from monitor.core.view import PartitionCounts, QueuePart

COUNTS = "counts"
"""Group: what became of the records, and the newest event of each source."""
LIVE = "live"
"""Group: who waits and who is in hand now."""
TOTAL = "total"
"""Group: sums since the state began. Every window is a group by its own name."""

TOO_OLD = "began before the log tells all"
FOLDED = "which queues are folded depends on names from before the log's beginning"
ONE_SIDED = "a window of the workers or of this command only: their settings differ"


class Numbers(NamedTuple):
    """All numbers of one source partition at one offset of its log."""

    now: int
    """The instant for which they hold, milliseconds UTC."""
    counts: PartitionCounts
    queues: Sequence[QueuePart]


class Reach(NamedTuple):
    """How far back the log of a source partition goes."""

    first_offset: int
    """Oldest offset that it still has."""
    begins_at: int
    """The newest instant among its first events, milliseconds UTC; 0: it has none.
    Several, because a single one may be late and lead too far back."""


class Scope(NamedTuple):
    """What the log can tell again."""

    is_whole: bool
    """Whether it has every record that the state was made from."""
    complete_at: int = 0
    """If not: no event from this instant on is missing, milliseconds UTC. A visit that
    began then is over one `max_age` of its queue later."""


class Difference(NamedTuple):
    """One number that isn't what the log says."""

    queue: str
    """Empty, as the channel, for a count of the whole partition."""
    channel: str
    number: str
    """`waiting`, `windows.5m.answered`, `total.offered`, `counts.read` …"""
    live: int
    recomputed: int


class Skip(NamedTuple):
    """A group of numbers that wasn't compared."""

    group: str
    reason: str


@dataclass(slots=True)
class Comparison:
    """What came of comparing one source partition."""

    numbers: int = 0
    """Numbers that were compared."""
    differences: list[Difference] = field(default_factory=list)
    skipped: dict[Skip, list[QueueKey]] = field(default_factory=dict)
    """What wasn't compared, with the queues of which that is true; the counts of the
    partition have none."""

    def skip(self, group: str, reason: str, *keys: QueueKey) -> None:
        """Note that a group isn't compared, of the queues `keys`."""
        self.skipped.setdefault(Skip(group, reason), []).extend(keys)


def scope_of(reach: Reach, live: Numbers, recomputed: Numbers, rules: Rules) -> Scope:
    """What can be compared with a log that goes back as far as `reach`.

    A log that lost its beginning still has every record of a state that was begun
    later; then both have read as many. Else events are missing, up to the horizon newer
    than the first one that is there.
    """
    if reach.first_offset == 0 or live.counts.read == recomputed.counts.read:
        return Scope(is_whole=True)
    if not reach.begins_at:
        return Scope(is_whole=False, complete_at=live.now + 1)
    return Scope(is_whole=False, complete_at=reach.begins_at + rules.horizon_ms)


def compare(
    live: Numbers, recomputed: Numbers, scope: Scope, rules: Rules
) -> Comparison:
    """Compare number by number what `scope` allows.

    Both must be of one offset and one instant. A queue that one side hasn't heard of
    has zeros there.

    A visit in hand lasts for as long as there is news of it; one that lasted beyond
    `max_age` may lack its beginning, and show up as a difference.
    """
    result = Comparison()
    if scope.is_whole:
        _note("", "", _counts(live.counts), _counts(recomputed.counts), result)
    else:
        result.skip(COUNTS, TOO_OLD)
    ours, theirs = _by_key(recomputed.queues), _by_key(live.queues)
    for key in sorted(ours.keys() | theirs.keys()):
        nothing = QueuePart(queue=key[0], channel=key[1])
        told, found = theirs.get(key, nothing), ours.get(key, nothing)
        groups = [LIVE, TOTAL, *_windows(told, found, key, result)]
        if not scope.is_whole:
            groups = _late_enough(groups, key, live, scope, rules, result)
        _note(*key, _flat(told, groups), _flat(found, groups), result)
    return result


def _windows(
    told: QueuePart, found: QueuePart, key: QueueKey, result: Comparison
) -> list[str]:
    """The windows that both sides have."""
    ours, theirs = found.windows.keys(), told.windows.keys()
    if not (ours and theirs):
        return [*ours, *theirs]  # one side hasn't heard of the queue
    for window in sorted(ours ^ theirs):
        result.skip(window, ONE_SIDED, key)
    return [window for window in theirs if window in ours]


def _late_enough(
    groups: Sequence[str],
    key: QueueKey,
    live: Numbers,
    scope: Scope,
    rules: Rules,
    result: Comparison,
) -> list[str]:
    """The groups of which the log tells all, though it lost its beginning."""
    begins = _beginnings(live.now, key, rules)
    since = scope.complete_at + rules.queue(*key).max_age_ms
    late = []
    for group in groups:
        if live.counts.queues_folded:
            result.skip(group, FOLDED, key)
        elif begins.get(group, 0) < since:
            result.skip(group, TOO_OLD, key)
        else:
            late.append(group)
    return late


def _beginnings(now: int, key: QueueKey, rules: Rules) -> dict[str, int]:
    """The earliest instant that each group of a queue's numbers is about."""
    queue = rules.queue(*key)
    today = LocalDays(queue.timezone, queue.day_start_minutes).start_of(now)
    # The first pane of a window begins up to a pane's width before the window.
    windows = {name: now - w - COARSE_MS for name, w in rules.windows_ms.items()}
    return {LIVE: now, TODAY: today, **windows}


def _by_key(parts: Iterable[QueuePart]) -> dict[QueueKey, QueuePart]:
    return {(part.queue, part.channel): part for part in parts}


def _counts(counts: PartitionCounts) -> dict[str, int]:
    flat = {
        "counts.read": counts.read,
        "counts.applied": counts.applied,
        "counts.duplicate": counts.duplicate,
        "counts.late": counts.late,
        "counts.ignored": counts.ignored,
    }
    for reason, letters in counts.dead_letters.items():
        flat[f"counts.dead_letters.{reason}"] = letters
    for source, newest in counts.last_event_at.items():
        flat[f"counts.last_event_at.{source}"] = newest
    return flat


def _flat(part: QueuePart, groups: Sequence[str]) -> dict[str, int]:
    flat: dict[str, int] = {}
    if LIVE in groups:
        flat["waiting"] = part.waiting
        flat["waiting_over_threshold"] = part.waiting_over_threshold
        flat["oldest_waiting"] = part.oldest_waiting
        flat["agents_in_hand"] = part.agents_in_hand
        flat["active"] = part.active
        flat["inactive"] = part.inactive
        flat["active_agents"] = len(part.active_agents)
        flat.update((f"phases.{name}", n) for name, n in part.phases.items())
    for window, tally in part.windows.items():
        if window in groups:
            flat.update((f"windows.{window}.{name}", n) for name, n in tally.items())
    if TOTAL in groups:
        flat.update((f"total.{name}", n) for name, n in part.total.items())
    return flat


def _note(
    queue: str,
    channel: str,
    live: Mapping[str, int],
    recomputed: Mapping[str, int],
    result: Comparison,
) -> None:
    # Sums are sparse: a name that one side doesn't have is 0 there.
    names = dict.fromkeys([*live, *recomputed])
    result.numbers += len(names)
    for name in names:
        values = live.get(name, 0), recomputed.get(name, 0)
        if values[0] != values[1]:
            result.differences.append(Difference(queue, channel, name, *values))
