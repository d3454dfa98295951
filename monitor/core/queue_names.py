"""Which queues are shown by their own name when there are too many names.

Rule: what was shown stays shown, so that no counter goes down; whoever begins without a
past keeps the busiest queues, because a flood of names is a flood of small queues.
"""

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from monitor.core.rules import OTHER_QUEUE


def share_of(limit: int, targets: int) -> int:
    """How many of `limit` queue names one of `targets` partitions may show.

    Names are spread by a hash, so a share may well be larger than the average: four
    standard deviations are never exceeded by fewer than `limit` names in practice.
    """
    average = limit / targets
    return min(limit, math.ceil(average + 4 * math.sqrt(average)))


class Names:
    """Which queues of one target partition are shown by their own name.

    Outlives the merges of its partition, so that a queue that was shown stays shown.
    """

    def __init__(
        self, limit: int | None, always: AbstractSet[str] = frozenset()
    ) -> None:
        """At most `limit` names (None: all) besides those of `always`."""
        self._limit = limit
        self._always = always
        self._kept: set[str] = set()
        self._shown: set[str] = set()
        self._are_chosen = False

    def __contains__(self, name: str) -> bool:
        return self._limit is None or name in self._kept or self._is_free(name)

    def _is_free(self, name: str) -> bool:
        return name == OTHER_QUEUE or name in self._always

    def begin(self) -> None:
        """A merge begins that has shown nothing; what the last one showed is kept."""
        if self._are_chosen:
            self._shown = self._kept
        self._kept = set(self._shown)
        self._are_chosen = False

    def admit(self, name: str) -> None:
        """Keep `name` apart if there is room."""
        if (
            self._limit is not None
            and len(self._kept) < self._limit
            and not self._is_free(name)
        ):
            self._kept.add(name)

    def choose(self, names: Sequence[str]) -> None:
        """Keep, of `names`, those that were shown before and then the first ones."""
        self._kept = self._shown.intersection(names)
        for name in names:
            self.admit(name)
        self._are_chosen = True
