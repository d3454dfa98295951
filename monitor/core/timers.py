"""Instants at which a contact must be looked at again.

Rule: a timer may come too often but never too late; whoever is woken looks at the facts
and decides. Timers are rebuilt from the contacts, not kept in the durable state.
"""

from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K")


class Timers(Generic[K]):
    """Keys by due instant, cheap when they are pushed in nearly ascending order.

    In-order pushes go to a queue, the others to a heap, because nearly all of a lane's
    timers are "event instant + constant" and events come nearly in order.
    """

    __slots__ = ("_early", "_line", "_order")

    def __init__(self) -> None:
        """An empty lane."""
        self._line: deque[tuple[int, K]] = deque()
        self._early: list[tuple[int, int, K]] = []
        self._order = count()

    def __len__(self) -> int:
        """How many timers are set."""
        return len(self._line) + len(self._early)

    def push(self, due: int, key: K) -> None:
        """Wake `key` once `due` has passed."""
        line = self._line
        if not line or due >= line[-1][0]:
            line.append((due, key))
        else:
            heappush(self._early, (due, next(self._order), key))

    def pop_before(self, now: int, at_most: int | None = None) -> list[K]:
        """Take the keys of timers with `due < now`: all of them, or `at_most` so many.

        No key is taken only if no timer is due.
        """
        keys: list[K] = []
        left = len(self) if at_most is None else at_most
        line = self._line
        while left and line and line[0][0] < now:
            keys.append(line.popleft()[1])
            left -= 1
        early = self._early
        while left and early and early[0][0] < now:
            keys.append(heappop(early)[2])
            left -= 1
        return keys
