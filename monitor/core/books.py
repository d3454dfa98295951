"""Where the fold writes what it finds: contributions and changes of phase.

Rule: the fold never knows whether it runs on the live state or apart from it. Apart
(`Scratch`) it is used to fold a contact anew and compare, and to restore.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from monitor.core.panes import Fresh, Page
from monitor.core.rules import OTHER_QUEUE
from monitor.core.terms import Terms

if TYPE_CHECKING:
    from monitor.core.phases import Phase
    from monitor.core.queue_state import QueueState
    from monitor.core.visit import Visit

Post = Callable[["Visit", Fresh], None]


class Books(Protocol):
    """What the fold needs of its surroundings."""

    def open(self, queue: str, channel: str) -> tuple[QueueState, Terms]:
        """The queue that counts for this name and channel, and how it judges."""
        ...

    def fresh(self, visit: Visit) -> Fresh:
        """Where the visit's contributions are gathered."""
        ...

    def retract(self, visit: Visit, post: Post) -> None:
        """Take back what `post` gives of the visit's facts as they are now."""
        ...

    def moved(self, visit: Visit, before: Phase | None) -> None:
        """The visit's phase or agent changed; None: it has just opened."""
        ...

    def heard(self, visit: Visit) -> None:
        """Somebody wrote while the visit was open."""
        ...


class Scratch:
    """Books apart from the live state: contributions only, by queue.

    Visits that open get the terms that they had when they opened first.
    """

    __slots__ = ("_opened", "_queue", "_state", "_terms", "by_queue")

    def __init__(
        self,
        queue: Callable[[str, str], QueueState],
        state: Callable[[str, str], QueueState],
        terms: Sequence[Terms] = (),
    ) -> None:
        """Empty books.

        `queue` finds the queue that counts for a name and channel, `state` the one of
        exactly that name; `terms` are those of the visits so far, in opening order.
        """
        self._queue = queue
        self._state = state
        self._terms = terms
        self._opened = 0
        self.by_queue: dict[QueueState, Fresh] = {}

    def open(self, queue: str, channel: str) -> tuple[QueueState, Terms]:
        """The queue and terms of the visit that opens next."""
        index = self._opened
        self._opened += 1
        if index < len(self._terms):
            terms = self._terms[index]
            if terms.counted_as in (queue, OTHER_QUEUE):
                return self._state(terms.counted_as, channel), terms
        state = self._queue(queue, channel)
        return state, state.terms

    def fresh(self, visit: Visit) -> Fresh:
        """The pages of the visit's queue."""
        return self.by_queue.setdefault(visit.state, {})

    def retract(self, visit: Visit, post: Post) -> None:
        """Take back what `post` gives of the visit's facts as they are now."""
        take_back(visit, post, self.fresh(visit))

    def moved(self, visit: Visit, before: Phase | None) -> None:
        """Nothing: live counts are not kept here."""

    def heard(self, visit: Visit) -> None:
        """Nothing, as in `moved`."""


def take_back(visit: Visit, post: Post, fresh: Fresh) -> Fresh:
    """Subtract what `post` gives from `fresh`; returns what was subtracted."""
    given: Fresh = {}
    post(visit, given)
    for number, page in given.items():
        target = fresh.get(number)
        if target is None:
            target = fresh[number] = Page()
        for name, amount in page.items():
            target[name] -= amount
    return given
