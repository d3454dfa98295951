"""From the groups of all partitions of people to those of everybody and of each queue.

Rule: as in `core.merge`: what is told is absolute, the latest of each partition is all
there is to keep, and nothing is shown before every partition was heard. People are in
one partition each, so sums over partitions count nobody twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.core.people.parts import GroupPart, StaffCounts, StaffMessage
from monitor.core.pieces import Pieces
from monitor.core.queue_names import Names
from monitor.core.rules import OTHER_QUEUE
from monitor.core.tally import add


def merge_groups(name: str, parts: Iterable[GroupPart]) -> GroupPart:
    """The sum of `parts`, a new one. Associative and commutative."""
    merged = GroupPart(name=name)
    for part in parts:
        for state, count in part.states.items():
            merged.states[state] = merged.states.get(state, 0) + count
        for reason, count in part.away.items():
            merged.away[reason] = merged.away.get(reason, 0) + count
        for state, at in part.oldest.items():
            merged.oldest[state] = min(at, merged.oldest.get(state, at))
        for window, sums in part.windows.items():
            add(merged.windows.setdefault(window, {}), sums)
        add(merged.total, part.total)
    return merged


@dataclass(slots=True)
class _Source:
    """The latest that was heard of one partition of people."""

    offset: int
    heard_ms: int
    counts: StaffCounts
    groups: dict[str, GroupPart] = field(default_factory=dict)


class StaffMerge:
    """One target partition: the latest groups of every partition of people."""

    def __init__(
        self, sources: int, stale_after_ms: int, names: Names | None = None
    ) -> None:
        """Merge `sources` partitions; one unheard for `stale_after_ms` is stale.

        `names` are the queues that are shown by their own name (default: all of them).
        """
        self._expected = sources
        self._stale_after_ms = stale_after_ms
        self._names = names or Names(None)
        self._names.begin()
        self._sources: dict[int, _Source] = {}
        self._pieces: Pieces[StaffMessage] = Pieces()
        self._merged: dict[str, GroupPart] = {}
        self._shown: list[GroupPart] | None = None
        """What `groups` gives; None: something was heard since."""

    def accept(self, message: StaffMessage, at_ms: int) -> bool:
        """Take what was heard at `at_ms`; false when it isn't believed.

        A partition starts with something complete. What is behind what was heard is of
        a zombie, or of a successor that has yet to catch up.
        """
        pieces = self._pieces.join(message)
        if not pieces:
            return False
        known = self._sources.get(message.source)
        if known is None:
            if not message.complete:
                return False
            known = _Source(message.offset, at_ms, message.counts)
            self._sources[message.source] = known
        elif message.offset < known.offset and not self._is_stale(known, at_ms):
            return False
        known.offset, known.heard_ms = message.offset, at_ms
        known.counts = message.counts
        self._shown = None
        for piece in pieces:
            for group in piece.groups:
                if group.name:
                    self._names.admit(group.name)
                known.groups[group.name] = group
                self._merged.pop(self._shown_as(group.name), None)
        return True

    def _is_stale(self, source: _Source, at_ms: int) -> bool:
        return source.heard_ms < at_ms - self._stale_after_ms

    def _shown_as(self, name: str) -> str:
        return name if not name or name in self._names else OTHER_QUEUE

    def is_complete(self, at_ms: int) -> bool:
        """Whether every partition is heard: only then is a sum a number."""
        return len(self._sources) == self._expected and not any(
            self._is_stale(source, at_ms) for source in self._sources.values()
        )

    def names(self) -> set[str]:
        """Of every group that would be shown."""
        return {
            self._shown_as(name)
            for source in self._sources.values()
            for name in source.groups
        }

    def groups(self) -> list[GroupPart]:
        """Every group that is shown, by name; that of everybody first, if it is here.

        They are never changed afterwards, only replaced.
        """
        if self._shown is None:
            self._shown = self._merge_all()
        return self._shown

    def _merge_all(self) -> list[GroupPart]:
        holders: dict[str, list[GroupPart]] = {}
        for _, source in sorted(self._sources.items()):
            for name, group in source.groups.items():
                holders.setdefault(self._shown_as(name), []).append(group)
        for name in holders.keys() - self._merged.keys():
            self._merged[name] = merge_groups(name, holders[name])
        return [self._merged[name] for name in sorted(holders)]

    def counts(self, source: int) -> StaffCounts | None:
        """Counts of a partition as last heard; None: never."""
        known = self._sources.get(source)
        return None if known is None else known.counts
